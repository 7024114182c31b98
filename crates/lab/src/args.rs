//! The command line, with the defaults of all commands.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::fit::Training;
use crate::grid::Settings;

/// Test the claims of lecture notes on activation functions and weight initialization by
/// experiments.
///
/// Without a command, every claim of the notes is tested with small neural networks, most of them
/// trained on the UCI handwritten digits, which are part of the program. The program prints a
/// table, and writes the page index.html with all figures and report.json with all numbers to the
/// directory of --out. The command `claim` tests some claims and writes claims.html and
/// claims.json.
#[derive(Debug, Parser)]
#[command(version, after_long_help = AFTER)]
pub struct Args {
    /// The command.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of all commands.
    #[command(flatten)]
    pub common: Common,
}

/// The options of all commands.
#[derive(Clone, Debug, ClapArgs)]
pub struct Common {
    /// The first seed of random numbers; further seeds are the numbers after it
    #[arg(
        long,
        global = true,
        value_name = "N",
        default_value_t = 1,
        value_parser = seed,
        allow_negative_numbers = true
    )]
    pub seed: u64,

    /// Directory for reports, created if necessary [default: wengert-report]
    #[arg(long, global = true, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Number of threads [default: number of processors]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true, value_parser = at_most::<THREADS_MAX>)]
    pub threads: Option<NonZeroUsize>,

    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,

    /// Print only errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List all claims
    List,
    /// Test some claims, for example: claim A6 B6
    Claim {
        /// A1 to A14 (activation functions), B1 to B8 (initialization)
        #[arg(required = true, value_name = "CLAIM")]
        ids: Vec<String>,
    },
    /// Train a network for every pair of eight activations and six initializations, with three
    /// seeds
    Grid(Grid),
    /// Train one network and show the state of its layers after each epoch
    ///
    /// For each layer with parameters: the fraction of saturated outputs (within 1 % of an end of
    /// the activation's range, where its derivative is almost zero), the fraction of dead units
    /// (whose derivative is zero for every example), mean and variance of the outputs, and the norm
    /// of the gradient of the parameters, all for 512 training examples.
    Train(Train),
    /// Print gains, means and rounding errors of all activations
    Activations,
    /// Measure signals and gradients in a deep network, for several initializations
    Init {
        /// Activation of the layers; `activations` lists them
        #[arg(long, value_name = "NAME", default_value = "tanh")]
        activation: String,
        /// Number of layers
        #[arg(long, value_name = "N", default_value = "30", allow_negative_numbers = true, value_parser = at_most::<1000>)]
        depth: NonZeroUsize,
        /// Number of units in each layer
        #[arg(long, value_name = "N", default_value = "256", allow_negative_numbers = true, value_parser = at_most::<4096>)]
        width: NonZeroUsize,
    },
    /// Compute gains, fixed points, edge of chaos and depth scales of an activation
    Theory {
        /// The activation; `activations` lists them
        #[arg(long, value_name = "NAME")]
        activation: String,
    },
    /// Compare the findings of the diagnosis with the known faults of training cases in JSON
    ///
    /// Builds and trains each case from several starts, and prints what is named for each of them,
    /// then the fractions that are detected, named and falsely flagged.
    Validate(Validate),
}

/// The options of `validate`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Validate {
    /// The file of the cases
    #[arg(long, value_name = "FILE")]
    pub cases: PathBuf,

    /// Number of starts of each case
    #[arg(long, value_name = "N", default_value = "3", allow_negative_numbers = true, value_parser = at_most::<100>)]
    pub starts: NonZeroUsize,

    /// Judge before training only
    #[arg(long)]
    pub untrained: bool,

    /// Only the cases whose id contains this text
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
}

/// The options of `grid`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Grid {
    /// Train on the IDX files in this directory (MNIST, Fashion-MNIST) [default: UCI digits]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Number of epochs, passes over the training images [default: 40, or 3 with --data]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_most::<EPOCHS_MAX>)]
    pub epochs: Option<NonZeroUsize>,
}

/// The options of `train`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Train {
    /// Kind of network
    #[arg(long, value_enum, default_value_t = Model::Mlp)]
    pub model: Model,

    /// Activation of the hidden layers; `activations` lists them
    #[arg(long, value_name = "NAME", default_value = "tanh")]
    pub activation: String,

    /// Initialization of the weights
    #[arg(long, value_enum, default_value_t = InitName::Computed)]
    pub init: InitName,

    /// Train on the IDX files in this directory [default: UCI digits]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Number of epochs, passes over the training images
    #[arg(long, value_name = "N", default_value = "10", allow_negative_numbers = true, value_parser = at_most::<EPOCHS_MAX>)]
    pub epochs: NonZeroUsize,

    /// Learning rate [default: 0.05, or 0.001 with --model deep]
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

/// The initializations of `train`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InitName {
    /// All weights 0.
    Zero,
    /// All weights 0.5.
    Constant,
    /// Normal with variance 25.
    Large,
    /// Normal with variance 2/(m+n), for m inputs and n outputs.
    Xavier,
    /// Normal with variance 2/m, for m inputs.
    He,
    /// Normal with variance g^2/m, with the computed gain g of the activation.
    Computed,
    /// A random orthogonal matrix times that gain.
    Orthogonal,
    /// The recommendation of the engine for each layer of the network.
    Advised,
}

const AFTER: &str = "\
Most experiments train a network with 64 inputs, two hidden layers of 64 and 32 units, and 10 \
outputs (64-64-32-10) on the digits. With --data, grid and train read the files \
train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, \
each plain or compressed (.gz), and use hidden layers of 128 and 64 units. On the 60,000 images of \
MNIST, 3 epochs of the whole grid take a few minutes on two processors.

The same seed gives the same numbers on any number of threads, except for times. \
WENGERT_SIMD=portable, avx2 or avx512 selects the instruction set; as rounding differs between \
instruction sets, so do the trained networks, slightly.

Exit status: 0 after a complete run, 1 if the verdict on a claim is not the one that this program \
expects, 2 if the command line, the data, WENGERT_SIMD or the output directory is invalid.";

/// The largest number of epochs, which is far more than needed but does not exhaust memory.
const EPOCHS_MAX: usize = 100_000;

/// The largest number of threads.
const THREADS_MAX: usize = 1024;

/// The default directory for reports.
const OUT: &str = "wengert-report";

/// The number of seeds of `grid`.
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

/// The sizes of the hidden layers, for the digits or for other data.
pub fn hidden(data: Option<&Path>) -> [usize; 2] {
    if data.is_some() { [128, 64] } else { [64, 32] }
}

impl Common {
    /// The number of threads.
    pub fn threads(&self) -> usize {
        let available = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(available, NonZeroUsize::get)
    }

    /// The directory for reports.
    pub fn out(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new(OUT))
    }
}

impl Grid {
    /// The training of the networks.
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
    /// The learning rate, which is smaller for twenty layers than for three.
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
    fn other_data_change_the_network_and_options_are_kept() {
        let (of_data, common) = grid("lab grid --data d --seed 7 --threads 5");
        let settings = of_data.settings(common.seed);
        assert_eq!((hidden(of_data.data.as_deref()), settings.training.epochs), ([128, 64], 3));
        assert_eq!((settings.seeds, common.threads()), (vec![7, 8, 9], 5));
        let (long, _) = grid("lab grid --data d --epochs 9");
        assert_eq!(long.settings(1).training.epochs, 9);
        assert_eq!(long.settings(u64::MAX).seeds, [u64::MAX, 0, 1]);
    }

    #[test]
    fn a_deep_network_has_a_smaller_learning_rate() {
        let rate = |line: &str| match parse(line).unwrap().command {
            Some(Command::Train(train)) => train.rate(),
            other => panic!("{other:?}"),
        };
        assert_eq!(rate("lab train"), 0.05);
        assert_eq!(rate("lab train --model deep"), 0.001);
        assert_eq!(rate("lab train --model deep --rate 0.05"), 0.05);
    }

    #[test]
    fn common_options_are_accepted_before_and_after_the_command() {
        for line in ["lab --seed 9 --json claim A6 B6", "lab claim A6 B6 --json --seed 9"] {
            let args = parse(line).unwrap();
            assert_eq!((args.common.seed, args.common.json), (9, true), "{line}");
            assert!(matches!(args.command, Some(Command::Claim { ids }) if ids == ["A6", "B6"]));
        }
    }

    #[test]
    fn invalid_values_are_refused() {
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
