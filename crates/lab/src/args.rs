//! The command line, and what it settles: the defaults of a run are here and nowhere else.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use clap::Parser;

use crate::experiment::Settings;

/// Trains a network with each activation and each initialization on handwritten digits, and shows
/// which of them learn and why the others do not.
///
/// Every pair of activation (logistic, tanh, relu, leaky relu) and initialization (zero, constant
/// 0.5, large, xavier, he) is trained with three seeds on the UCI handwritten digits, which are part
/// of the program: 20 pairs, 60 runs. A table with a verdict for each pair goes to standard output,
/// every figure to report.json.
#[derive(Debug, Parser)]
#[command(version, after_long_help = AFTER)]
pub struct Args {
    /// The first of the three seeds; the others are the next two numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// The passes over the training images [default: 40, and 3 with --data]
    #[arg(long, value_name = "N", value_parser = parse_epochs)]
    pub epochs: Option<NonZeroUsize>,

    /// Train on the IDX files of this directory instead: MNIST, Fashion-MNIST or the like
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Where report.json goes; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "wengert-report")]
    pub out: PathBuf,

    /// The runs that are under way at once [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

const AFTER: &str = "\
The digits are learned by a 64-64-32-10 network. With --data, a network with hidden layers of 128 \
and 64 units learns what the directory holds: train-images-idx3-ubyte, train-labels-idx1-ubyte, \
t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or with .gz. On the 60,000 images of \
MNIST, 3 epochs of all 60 runs take a few minutes on two processors.

The same seed gives the same figures on any number of threads. WENGERT_SIMD=portable, avx2 or \
avx512 chooses the instruction set; each rounds in its own order, so that trained networks differ a little between them.

Exit status: 0 after a complete run, 2 if the command line, the data, WENGERT_SIMD or the output \
directory is at fault.";

/// More epochs than anybody has the time for; fewer than memory has room for.
const EPOCHS_MAX: usize = 100_000;

/// The runs of a pair.
const SEEDS: u64 = 3;

fn parse_epochs(text: &str) -> Result<NonZeroUsize, String> {
    let expected = format!("a whole number from 1 to {EPOCHS_MAX} was expected");
    match text.parse::<NonZeroUsize>() {
        Ok(epochs) if epochs.get() <= EPOCHS_MAX => Ok(epochs),
        _ => Err(expected),
    }
}

impl Args {
    /// The sizes of the hidden layers.
    pub fn hidden(&self) -> [usize; 2] {
        if self.data.is_some() { [128, 64] } else { [64, 32] }
    }

    /// How the networks are trained.
    pub fn settings(&self) -> Settings {
        let (batch, epochs) = if self.data.is_some() { (32, 3) } else { (16, 40) };
        Settings {
            learning_rate: 0.05,
            momentum: 0.9,
            batch,
            epochs: self.epochs.map_or(epochs, NonZeroUsize::get),
            seeds: (0..SEEDS).map(|i| self.seed.wrapping_add(i)).collect(),
        }
    }

    /// How many runs are under way at once.
    pub fn threads(&self) -> usize {
        let available = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(available, NonZeroUsize::get)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_those_of_the_digits() {
        let args = parse("lab").unwrap();
        assert_eq!(args.hidden(), [64, 32]);
        let settings = args.settings();
        assert_eq!((settings.epochs, settings.seeds.as_slice()), (40, &[1, 2, 3][..]));
        assert_eq!(args.out.to_str(), Some("wengert-report"));
        assert!(!args.quiet && args.threads() >= 1);
    }

    #[test]
    fn other_data_change_the_network_and_what_is_asked_for_stays() {
        let args = parse("lab --data d --seed 7 --threads 5").unwrap();
        assert_eq!((args.hidden(), args.settings().epochs), ([128, 64], 3));
        assert_eq!((args.settings().seeds, args.threads()), (vec![7, 8, 9], 5));
        assert_eq!(parse("lab --data d --epochs 9").unwrap().settings().epochs, 9);
        let wrapped = parse("lab --seed 18446744073709551615").unwrap().settings().seeds;
        assert_eq!(wrapped, [u64::MAX, 0, 1]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in ["--epochs 0", "--epochs 100001", "--epochs x", "--threads 0", "--seed -1", "x"]
        {
            let error = parse(&format!("lab {line}")).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
        let text = parse("lab --epochs 0").unwrap_err().to_string();
        assert!(text.contains("a whole number from 1 to 100000 was expected"), "{text}");
    }
}
