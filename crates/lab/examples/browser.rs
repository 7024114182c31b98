//! Opens a report in headless Chromium and checks it: in light and dark, on a desktop and on a
//! phone.
//!
//! `cargo run -p wengert-lab --example browser -- PAGE SCREENSHOTS [CHROMIUM]`
//!
//! Fails if a figure is empty or too small, if the page or the strip of claims is wider than the
//! screen of a desktop, if text has too little contrast, if the console has a message, or if the
//! page requests any resource. Screenshots are written to the directory SCREENSHOTS. Chromium is
//! controlled over its debugging pipe: JSON messages that end with a zero byte.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

type Failure = Box<dyn Error>;

/// Width, height, whether it is a phone.
const SCREENS: [(&str, u32, u32, bool); 2] =
    [("desk", 1280, 900, false), ("phone", 390, 844, true)];

const SCHEMES: [&str; 2] = ["light", "dark"];

/// The script that returns all faults of the page.
const PROBE: &str = r"(() => {
  const faults = [];
  const figures = [...document.querySelectorAll('figure')];
  for (const figure of figures) {
    const drawings = [...figure.querySelectorAll('svg')];
    if (drawings.length === 0) faults.push(`${figure.id} has no drawing`);
    drawings.forEach((svg, i) => {
      const box = svg.getBoundingClientRect();
      if (box.width < 100 || box.height < 60) faults.push(`${figure.id}, drawing ${i}: ${box.width} x ${box.height}`);
      const marks = [...svg.querySelectorAll('polyline, polygon, circle, rect')].filter(mark => {
        const size = mark.getBoundingClientRect();
        return size.width + size.height > 0;
      });
      if (marks.length < 3) faults.push(`${figure.id}, drawing ${i}: only ${marks.length} marks`);
      if (!svg.getAttribute('aria-label')) faults.push(`${figure.id}, drawing ${i}: no name`);
      for (const mark of marks) {
        const style = getComputedStyle(mark);
        if (style.fill === 'rgb(254, 0, 0)' || /var\(/.test(style.fill)) faults.push(`${figure.id}: colour ${style.fill}`);
      }
    });
  }
  const strip = document.querySelector('nav.jump');
  if (innerWidth >= 1000 && strip.scrollWidth > strip.clientWidth + 1)
    faults.push(`the strip of claims is ${strip.scrollWidth} wide, its box ${strip.clientWidth}`);
  const up = strip.querySelector('.up');
  const place = up && up.getBoundingClientRect();
  if (!place || place.left < 0 || place.right > innerWidth) faults.push('no visible link to the top');
  if (document.documentElement.scrollWidth > innerWidth + 1)
    faults.push(`the page is ${document.documentElement.scrollWidth} wide, the screen ${innerWidth}`);
  const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = text => text.match(/[\d.]+/g).map(Number);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  let texts = 0;
  for (const element of document.querySelectorAll('h1, h2, h3, h4, p, li, a, td, th, dd, dt, figcaption, summary, .badge')) {
    if (!element.textContent.trim() || element.getClientRects().length === 0) continue;
    texts += 1;
    const [light, dark] = [numbers(getComputedStyle(element).color), behind(element)].map(luminance).sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(2)} of ${element.tagName} ${element.textContent.trim().slice(0, 30)}`);
  }
  return { figures: figures.length, drawings: document.querySelectorAll('figure svg').length, texts, faults,
           background: getComputedStyle(document.body).backgroundColor, height: document.documentElement.scrollHeight };
})()";

/// A browser that is controlled over two pipes.
struct Browser {
    process: Child,
    directory: PathBuf,
    to: File,
    from: BufReader<File>,
    last: u64,
    /// Messages that are not answers.
    events: Vec<Value>,
}

impl Browser {
    fn start(program: &str) -> Result<Self, Failure> {
        let directory =
            std::env::temp_dir().join(format!("wengert-browser-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let [to, from] = ["to", "from"].map(|name| directory.join(name));
        if !Command::new("mkfifo").args([&to, &from]).status()?.success() {
            return Err("the pipes to the browser could not be made".into());
        }
        let script = "exec \"$0\" --headless=new --no-sandbox --disable-gpu --no-first-run --hide-scrollbars \
                      --disable-background-networking --disable-component-update --disable-sync \
                      --disable-extensions --user-data-dir=\"$3\" --remote-debugging-pipe about:blank \
                      3<\"$1\" 4>\"$2\"";
        let process = Command::new("sh")
            .args(["-c", script, program])
            .args([&to, &from])
            .arg(directory.join("profile"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // Opening a pipe waits for its other end.
        let to = File::options().write(true).open(&to)?;
        let from = BufReader::new(File::open(&from)?);
        Ok(Self { process, directory, to, from, last: 0, events: Vec::new() })
    }

    /// Sends a request and waits for the answer; other messages are stored.
    fn ask(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: &Value,
    ) -> Result<Value, Failure> {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.to.write_all(&bytes)?;
        loop {
            let answer = self.next()?;
            if answer["id"] == self.last {
                if let Some(error) = answer.get("error") {
                    return Err(format!("{method}: {error}").into());
                }
                return Ok(answer["result"].clone());
            }
            self.events.push(answer);
        }
    }

    fn next(&mut self) -> Result<Value, Failure> {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes)?;
        if bytes.pop() != Some(0) {
            return Err("the browser has ended".into());
        }
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Waits until a page has been loaded.
    fn wait(&mut self, session: Option<&str>, page: &str) -> Result<(), Failure> {
        let state = json!({ "expression": "`${location.href} ${document.readyState}`" });
        for _ in 0..400 {
            let answer = self.ask(session, "Runtime.evaluate", &state)?;
            if answer["result"]["value"] == format!("{page} complete") {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("{page} was not loaded in 20 s").into())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Errors are ignored: the browser may have ended, and the directory is temporary.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Messages of the console, and requests for other resources than the page itself.
fn complaints(events: &[Value], page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for event in events {
        let params = &event["params"];
        match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => found.push(format!("exception: {params}")),
            Some("Runtime.consoleAPICalled") => found.push(format!("console: {params}")),
            Some("Log.entryAdded") => found.push(format!("log: {}", params["entry"]["text"])),
            Some("Network.requestWillBeSent") => {
                let url = params["request"]["url"].as_str().unwrap_or("");
                if url != page && !url.starts_with("data:") {
                    found.push(format!("request: {url}"));
                }
            }
            _ => {}
        }
    }
    found
}

fn look(
    browser: &mut Browser,
    page: &str,
    scheme: &str,
    (name, width, height, mobile): (&str, u32, u32, bool),
    screenshots: &Path,
) -> Result<Vec<String>, Failure> {
    browser.events.clear();
    let target = browser.ask(None, "Target.createTarget", &json!({ "url": "about:blank" }))?;
    let target = &target["targetId"];
    let attached = browser.ask(
        None,
        "Target.attachToTarget",
        &json!({ "targetId": target, "flatten": true }),
    )?;
    let session = attached["sessionId"].as_str().ok_or("the page has no session")?.to_owned();
    let session = Some(session.as_str());
    for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
        browser.ask(session, domain, &json!({}))?;
    }
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
    browser.ask(session, "Emulation.setEmulatedMedia", &json!({ "features": features }))?;
    let screen = |height: u32| json!({ "width": width, "height": height, "deviceScaleFactor": if mobile { 2 } else { 1 }, "mobile": mobile });
    browser.ask(session, "Emulation.setDeviceMetricsOverride", &screen(height))?;
    browser.ask(session, "Page.navigate", &json!({ "url": page }))?;
    browser.wait(session, page)?;
    let answer = browser.ask(
        session,
        "Runtime.evaluate",
        &json!({ "expression": PROBE, "returnByValue": true }),
    )?;
    let found = &answer["result"]["value"];
    let mut faults: Vec<String> = match found["faults"].as_array() {
        Some(faults) => {
            faults.iter().map(|fault| fault.as_str().unwrap_or("?").to_owned()).collect()
        }
        None => vec![format!("the page could not be asked: {answer}")],
    };
    if found["figures"].as_u64().unwrap_or(0) == 0 {
        faults.push("there is no figure".into());
    }
    // In parts, as a browser cannot draw a page of any height at once.
    let total = found["height"].as_u64().unwrap_or(0) as u32;
    let part = if mobile { 3000 } else { 4000 };
    for (i, top) in (0..total).step_by(part as usize).enumerate() {
        let clip = json!({ "x": 0, "y": top, "width": width, "height": part.min(total - top), "scale": 1 });
        let shot = browser.ask(
            session,
            "Page.captureScreenshot",
            &json!({ "format": "png", "clip": clip, "captureBeyondViewport": true }),
        )?;
        let bytes = decode(shot["data"].as_str().unwrap_or(""))?;
        fs::write(screenshots.join(format!("{name}-{scheme}-{i}.png")), bytes)?;
    }
    faults.extend(complaints(&browser.events, page));
    println!(
        "{name:<6} {scheme:<6} {} figures, {} drawings, {} texts, background {}: {} faults",
        found["figures"],
        found["drawings"],
        found["texts"],
        found["background"],
        faults.len()
    );
    browser.ask(None, "Target.closeTarget", &json!({ "targetId": target }))?;
    Ok(faults)
}

/// Base64 (RFC 4648).
fn decode(text: &str) -> Result<Vec<u8>, Failure> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Ok(byte - b'A'),
        b'a'..=b'z' => Ok(byte - b'a' + 26),
        b'0'..=b'9' => Ok(byte - b'0' + 52),
        b'+' => Ok(62),
        b'/' => Ok(63),
        other => Err(format!("{other} is not a digit of base 64")),
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | u32::from(digit(byte)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(bytes)
}

fn main() -> Result<ExitCode, Failure> {
    let mut arguments = std::env::args().skip(1);
    let usage = "PAGE and SCREENSHOTS are needed";
    let page = fs::canonicalize(arguments.next().ok_or(usage)?)?;
    let screenshots = PathBuf::from(arguments.next().ok_or(usage)?);
    let program = arguments.next().unwrap_or_else(|| "chromium".to_owned());
    fs::create_dir_all(&screenshots)?;
    let size = fs::metadata(&page)?.len();
    let page = format!("file://{}", page.display());
    let mut faults = Vec::new();
    if size > 3_000_000 {
        faults.push(format!("the page has {size} bytes, above the limit of 3,000,000"));
    }
    let mut browser = Browser::start(&program)?;
    for scheme in SCHEMES {
        for screen in SCREENS {
            faults.extend(look(&mut browser, &page, scheme, screen, &screenshots)?);
        }
    }
    for fault in &faults {
        eprintln!("browser: {fault}");
    }
    println!("{size} bytes, screenshots in {}", screenshots.display());
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
