//! The command line, and what it settles: the defaults of a run are here and nowhere else.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::fit::Training;
use crate::grid::Settings;

/// A course on activations and initialization, claim by claim, shown by measurement.
///
/// Without a command, all 22 claims are put to the test on the UCI handwritten digits, which are part
/// of the program, and on networks made for the purpose. A table goes to standard output; the page
/// index.html with every figure, and report.json with its numbers, to the directory of --out; with
/// `claim` only some are, and the files are claims.html and claims.json.
#[derive(Debug, Parser)]
#[command(version, after_long_help = AFTER)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What goes for all.
    #[command(flatten)]
    pub common: Common,
}

/// What goes for every command.
#[derive(Clone, Debug, ClapArgs)]
pub struct Common {
    /// The first seed; the others follow it
    #[arg(
        long,
        global = true,
        value_name = "N",
        default_value_t = 1,
        value_parser = seed,
        allow_negative_numbers = true
    )]
    pub seed: u64,

    /// Where reports go; made if it is not there [default: wengert-report]
    #[arg(long, global = true, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// The number of threads [default: the number of processors]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true, value_parser = at_most::<THREADS_MAX>)]
    pub threads: Option<NonZeroUsize>,

    /// Print JSON in place of text
    #[arg(long, global = true)]
    pub json: bool,

    /// Print nothing but errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the claims
    List,
    /// Put some claims to the test: claim A6 B6
    Claim {
        /// A1 to A14, B1 to B8
        #[arg(required = true, value_name = "CLAIM")]
        ids: Vec<String>,
    },
    /// Train every pair of eight activations and six initializations, three seeds each
    Grid(Grid),
    /// Train one network, and watch its layers
    Train(Train),
    /// Every activation: gains, means, errors in ULP
    Activations,
    /// What becomes of signals and gradients in a deep network, for each initialization
    Init {
        /// The activation
        #[arg(long, value_name = "NAME", default_value = "tanh")]
        activation: String,
        /// The layers
        #[arg(long, value_name = "N", default_value = "30", allow_negative_numbers = true, value_parser = at_most::<1000>)]
        depth: NonZeroUsize,
        /// The units of a layer
        #[arg(long, value_name = "N", default_value = "256", allow_negative_numbers = true, value_parser = at_most::<4096>)]
        width: NonZeroUsize,
    },
    /// Gains, fixed points, edge of chaos and depth scales of an activation
    Theory {
        /// The activation
        #[arg(long, value_name = "NAME")]
        activation: String,
    },
}

/// Which data, and how long.
#[derive(Clone, Debug, ClapArgs)]
pub struct Grid {
    /// Train on the IDX files of this directory: MNIST, Fashion-MNIST or the like [default: the digits]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// The passes over the training images [default: 40, and 3 with --data]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_most::<EPOCHS_MAX>)]
    pub epochs: Option<NonZeroUsize>,
}

/// One network.
#[derive(Clone, Debug, ClapArgs)]
pub struct Train {
    /// Two hidden layers, twenty, or two convolutions
    #[arg(long, value_enum, default_value_t = Model::Mlp)]
    pub model: Model,

    /// The activation of the hidden layers; `activations` lists them
    #[arg(long, value_name = "NAME", default_value = "tanh")]
    pub activation: String,

    /// How the weights begin
    #[arg(long, value_enum, default_value_t = InitName::Computed)]
    pub init: InitName,

    /// Train on the IDX files of this directory [default: the digits]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// The passes over the training images
    #[arg(long, value_name = "N", default_value = "10", allow_negative_numbers = true, value_parser = at_most::<EPOCHS_MAX>)]
    pub epochs: NonZeroUsize,

    /// The learning rate [default: 0.05, and 0.001 for a deep network]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub rate: Option<f64>,
}

/// The kinds of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Two hidden layers, fully connected.
    Mlp,
    /// Twenty hidden layers of 64 units, fully connected.
    Deep,
    /// Two convolutions of 3 x 3 with 8 and 16 channels, each followed by max pooling over 2 x 2,
    /// and a linear layer.
    Cnn,
}

/// The schemes of initial weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InitName {
    /// 0.
    Zero,
    /// 0.5.
    Constant,
    /// N(0, 5^2).
    Large,
    /// N(0, 2/(m+n)).
    Xavier,
    /// N(0, 2/m).
    He,
    /// N(0, g^2/m), with the gain computed of the activation.
    Computed,
    /// An orthogonal matrix times that gain.
    Orthogonal,
    /// The engine's advice for this depth, layer by layer.
    Advised,
}

const AFTER: &str = "\
The digits are learned by a 64-64-32-10 network. With --data, grid and train read what a directory \
holds: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and \
t10k-labels-idx1-ubyte, each plain or with .gz, and use hidden layers of 128 and 64 units. On the \
60,000 images of MNIST, 3 epochs of the whole grid take a few minutes on two processors.

The same seed gives the same figures on any number of threads, but for times. WENGERT_SIMD=portable, \
avx2 or avx512 chooses the instruction set; each rounds in its own order, so that trained networks \
differ a little between them.

Exit status: 0 after a complete run, 1 if an experiment contradicts what this program states of its \
claim, 2 if the command line, the data, WENGERT_SIMD or the output directory is at fault.";

/// More epochs than can be waited for; fewer than memory has room for.
const EPOCHS_MAX: usize = 100_000;

/// More threads than processors are of no use, and thousands of them bring a machine to a halt.
const THREADS_MAX: usize = 1024;

/// Where reports go if nothing else is said.
const OUT: &str = "wengert-report";

/// The runs of a pair.
const SEEDS: u64 = 3;

fn at_most<const MOST: usize>(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<NonZeroUsize>() {
        Ok(number) if number.get() <= MOST => Ok(number),
        _ => Err(format!("a whole number from 1 to {MOST} was expected")),
    }
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a whole number from 0 to {} was expected", u64::MAX))
}

/// The sizes of the hidden layers: for the digits, and for data of another kind.
pub fn hidden(data: Option<&Path>) -> [usize; 2] {
    if data.is_some() { [128, 64] } else { [64, 32] }
}

impl Common {
    /// How many threads are at work.
    pub fn threads(&self) -> usize {
        let available = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(available, NonZeroUsize::get)
    }

    /// Where reports go.
    pub fn out(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new(OUT))
    }
}

impl Grid {
    /// How the networks are trained.
    pub fn settings(&self, seed: u64) -> Settings {
        let (batch, epochs) = if self.data.is_some() { (32, 3) } else { (16, 40) };
        let epochs = self.epochs.map_or(epochs, NonZeroUsize::get);
        Settings {
            training: Training { learning_rate: 0.05, momentum: 0.9, batch, epochs },
            seeds: (0..SEEDS).map(|i| seed.wrapping_add(i)).collect(),
        }
    }
}

impl Train {
    /// The learning rate: twenty layers need a smaller one than three.
    pub fn rate(&self) -> f64 {
        self.rate.unwrap_or(if self.model == Model::Deep { 0.001 } else { 0.05 })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    fn grid(line: &str) -> (Grid, Common) {
        let args = parse(line).unwrap();
        let Some(Command::Grid(grid)) = args.command else { panic!("{line}: no grid") };
        (grid, args.common)
    }

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_those_of_the_digits() {
        let args = parse("lab").unwrap();
        assert!(args.command.is_none() && !args.common.quiet && !args.common.json);
        assert_eq!(args.common.out().to_str(), Some("wengert-report"));
        assert!(args.common.threads() >= 1);
        let (grid, common) = grid("lab grid");
        assert_eq!(hidden(grid.data.as_deref()), [64, 32]);
        let settings = grid.settings(common.seed);
        assert_eq!((settings.training.epochs, settings.seeds.as_slice()), (40, &[1, 2, 3][..]));
    }

    #[test]
    fn other_data_change_the_network_and_what_is_asked_for_stays() {
        let (of_data, common) = grid("lab grid --data d --seed 7 --threads 5");
        let settings = of_data.settings(common.seed);
        assert_eq!((hidden(of_data.data.as_deref()), settings.training.epochs), ([128, 64], 3));
        assert_eq!((settings.seeds, common.threads()), (vec![7, 8, 9], 5));
        let (long, _) = grid("lab grid --data d --epochs 9");
        assert_eq!(long.settings(1).training.epochs, 9);
        assert_eq!(long.settings(u64::MAX).seeds, [u64::MAX, 0, 1]);
    }

    #[test]
    fn a_deep_network_has_a_rate_of_its_own() {
        let rate = |line: &str| match parse(line).unwrap().command {
            Some(Command::Train(train)) => train.rate(),
            other => panic!("{other:?}"),
        };
        assert_eq!(rate("lab train"), 0.05);
        assert_eq!(rate("lab train --model deep"), 0.001);
        assert_eq!(rate("lab train --model deep --rate 0.05"), 0.05);
    }

    #[test]
    fn what_goes_for_all_goes_before_and_behind_the_command() {
        for line in ["lab --seed 9 --json claim A6 B6", "lab claim A6 B6 --json --seed 9"] {
            let args = parse(line).unwrap();
            assert_eq!((args.common.seed, args.common.json), (9, true), "{line}");
            assert!(matches!(args.command, Some(Command::Claim { ids }) if ids == ["A6", "B6"]));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "grid --epochs 0",
            "grid --epochs 100001",
            "train --epochs x",
            "train --model rnn",
            "--threads 0",
            "--threads 1025",
            "--seed -1",
            "claim",
            "theory",
            "x",
        ] {
            let error = parse(&format!("lab {line}")).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
        for (line, most) in
            [("grid --epochs 0", 100_000), ("grid --epochs -3", 100_000), ("--threads -1", 1024)]
        {
            let text = parse(&format!("lab {line}")).unwrap_err().to_string();
            let expected = format!("a whole number from 1 to {most} was expected");
            assert!(text.contains(&expected), "{line}: {text}");
        }
        let text = parse("lab --seed -1").unwrap_err().to_string();
        assert!(text.contains("a whole number from 0 to 18446744073709551615 was"), "{text}");
    }
}
