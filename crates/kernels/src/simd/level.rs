//! Which instruction set runs: detection, the environment variable, and the scoped override.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// An instruction-set level. Higher levels compare greater.
///
/// The level is detected once. `WENGERT_SIMD=portable|avx2|avx512` in the environment lowers it
/// for a process, [`with_level`] for a scope on one thread.
///
/// ```
/// use wengert_kernels::simd::Level;
/// assert!(Level::Portable.is_available());
/// println!("running on {}", Level::current());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What the build itself targets, through the `wide` crate: SSE2, NEON, wasm simd128, scalar.
    Portable,
    /// AVX2 and FMA: 8 lanes of `f32`.
    Avx2,
    /// AVX-512 F, VL, DQ and BW: 16 lanes of `f32`.
    Avx512,
}

/// A requested level that is not available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LevelError {
    /// The CPU (or the target architecture) lacks the level.
    #[error("the SIMD level {asked} was asked for, but this CPU has only {}", list(available))]
    Absent {
        /// What was asked for.
        asked: Level,
        /// What there is.
        available: Vec<Level>,
    },
    /// The name is none of the levels'.
    #[error("{asked:?} is no SIMD level; the levels are portable, avx2 and avx512")]
    Unknown {
        /// What was asked for.
        asked: String,
    },
}

fn list(levels: &[Level]) -> String {
    levels.iter().map(Level::name).collect::<Vec<_>>().join(", ")
}

thread_local! {
    static FORCED: Cell<Option<Level>> = const { Cell::new(None) };
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Level; 3] = [Level::Portable, Level::Avx2, Level::Avx512];

    /// The level's name, as `WENGERT_SIMD` takes it.
    pub fn name(&self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }

    /// Whether this CPU can run the level.
    #[inline]
    pub fn is_available(self) -> bool {
        self <= Self::highest()
    }

    /// The highest level this CPU can run: it has the features of the lower ones too. Kernels ask
    /// whenever they are called, so the CPU is asked once.
    #[inline]
    fn highest() -> Level {
        static HIGHEST: OnceLock<Level> = OnceLock::new();
        *HIGHEST.get_or_init(|| {
            #[cfg(target_arch = "x86_64")]
            {
                if super::Avx512::detect().is_some() {
                    return Level::Avx512;
                }
                if super::Avx2::detect().is_some() {
                    return Level::Avx2;
                }
            }
            Level::Portable
        })
    }

    /// The levels this CPU can run, lowest first.
    pub fn available() -> Vec<Level> {
        Self::ALL.into_iter().filter(|level| level.is_available()).collect()
    }

    /// The level `WENGERT_SIMD` asks for, or the highest available one if it is unset or empty.
    ///
    /// # Errors
    /// If the variable names no level, or one this CPU lacks.
    pub fn from_env() -> Result<Level, LevelError> {
        match std::env::var_os("WENGERT_SIMD") {
            Some(value) if !value.is_empty() => {
                let level: Level = value.to_string_lossy().parse()?;
                level.check()
            }
            _ => Ok(Self::highest()),
        }
    }

    fn check(self) -> Result<Level, LevelError> {
        if self.is_available() {
            Ok(self)
        } else {
            Err(LevelError::Absent { asked: self, available: Self::available() })
        }
    }

    /// The level kernels called from this thread run on: that of the innermost [`with_level`], or
    /// else [`Level::from_env`], asked once for the process.
    ///
    /// # Panics
    /// If `WENGERT_SIMD` requests a level that is not available; [`Level::from_env`] gives the same
    /// text as an error.
    #[inline]
    pub fn current() -> Level {
        FORCED.get().unwrap_or_else(Self::of_process)
    }

    #[inline]
    fn of_process() -> Level {
        static PROCESS: OnceLock<Level> = OnceLock::new();
        *PROCESS.get_or_init(|| match Level::from_env() {
            Ok(level) => level,
            Err(error) => panic!("WENGERT_SIMD: {error}"),
        })
    }
}

/// Runs `body` with every kernel *called from this thread* on `level`, whatever threads the kernels
/// then use themselves. Scopes nest; the level before is restored, also after a panic. (What
/// `rayon::ThreadPool::install` calls runs on a thread of the pool: the level is to be forced
/// inside.)
///
/// ```
/// use wengert_kernels::simd::{Level, with_level};
/// let level = with_level(Level::Portable, Level::current)?;
/// assert_eq!(level, Level::Portable);
/// # Ok::<(), wengert_kernels::simd::LevelError>(())
/// ```
///
/// # Errors
/// If this CPU lacks the level; `body` has then not run.
pub fn with_level<R>(level: Level, body: impl FnOnce() -> R) -> Result<R, LevelError> {
    struct Restore(Option<Level>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORCED.set(self.0);
        }
    }
    let level = level.check()?;
    let _restore = Restore(FORCED.replace(Some(level)));
    Ok(body())
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(name: &str) -> Result<Self, LevelError> {
        Self::ALL
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(name.trim()))
            .ok_or_else(|| LevelError::Unknown { asked: name.to_owned() })
    }
}
