//! The layers of `recurrent.py`.

use wengert_autodiff::{Activation, Mask, Tape, Var};
use wengert_nn::{Gates, Recurrent, RecurrentCell};
use wengert_nn::{
    Gru, GruCell, Layer, Lstm, LstmCell, RecurrentCellConfig, RecurrentConfig, Rnn, RnnCell,
};

use super::{Case, case, joined};

/// A state from the inputs after the first, and the parts of one.
trait State: Gates {
    fn of<'t>(x: &[Var<'t, f64>]) -> Option<Self::State<'t, f64>>;
    fn parts(state: Self::State<'_, f64>) -> Vec<Var<'_, f64>>;
}

macro_rules! states {
    ($($gates:ty, $x:ident => $of:expr, $state:ident => $parts:expr);+) => {$(
        impl State for $gates {
            fn of<'t>($x: &[Var<'t, f64>]) -> Option<Self::State<'t, f64>> {
                $of
            }
            fn parts($state: Self::State<'_, f64>) -> Vec<Var<'_, f64>> {
                $parts
            }
        }
    )+};
}

states! {
    wengert_nn::SimpleGates, x => x.get(1).copied(), state => vec![state];
    wengert_nn::GruGates, x => x.get(1).copied(), state => vec![state];
    wengert_nn::LstmGates, x => x.get(1).copied().zip(x.get(2).copied()),
        state => vec![state.0, state.1]
}

fn step<'t, G: State>(
    cell: &RecurrentCell<G, f64>,
    _: &'t Tape<f64>,
    x: &[Var<'t, f64>],
) -> Var<'t, f64> {
    match &<G as State>::parts(cell.step(x[0], G::of(x)).unwrap())[..] {
        [h] => *h,
        parts => joined(parts),
    }
}

fn run<'t, G: State>(
    network: &Recurrent<G, f64>,
    x: &[Var<'t, f64>],
    mask: Option<&Mask>,
) -> Var<'t, f64> {
    let (y, state) = network.run(x[0], G::of(x), mask).unwrap();
    joined(&[vec![y], <G as State>::parts(state)].concat())
}

fn of_kind<G: State>(
    name: &str,
    cell: fn(usize, usize) -> RecurrentCellConfig<G>,
    network: fn(usize, usize) -> RecurrentConfig<G>,
) -> Vec<Case> {
    let named = |what: &str| format!("{name}{what}");
    vec![
        case(&named("_cell"), move |rng| cell(3, 2).build(rng).unwrap(), step),
        case(
            &named("_cell_no_bias"),
            move |rng| cell(3, 2).without_bias().build(rng).unwrap(),
            step,
        ),
        case(
            &named(""),
            move |rng| network(3, 2).build(rng).unwrap(),
            |network, _, x| run(network, x, None),
        ),
        case(
            &named("_no_bias"),
            move |rng| network(2, 3).without_bias().build(rng).unwrap(),
            |network, _, x| run(network, x, None),
        ),
        case(
            &named("_deep"),
            move |rng| network(2, 3).layers(2).bidirectional().build(rng).unwrap(),
            |network, _, x| run(network, x, None),
        ),
        case(
            &named("_packed"),
            move |rng| network(2, 2).layers(2).bidirectional().build(rng).unwrap(),
            |network, _, x| {
                let mask = Mask::from_fn([3, 4], |i| i[1] < [2, 4, 1][i[0]]);
                run(network, x, Some(&mask))
            },
        ),
    ]
}

pub fn all() -> Vec<Case> {
    let mut all = of_kind("rnn", RnnCell::config, Rnn::config);
    all.extend(of_kind("lstm", LstmCell::config, Lstm::config));
    all.extend(of_kind("gru", GruCell::config, Gru::config));
    all.push(case(
        "rnn_relu",
        |rng| Rnn::config(3, 2).nonlinearity(Activation::Relu).build(rng).unwrap(),
        |network: &Rnn<f64>, _, x| {
            joined(&[network.forward(x[0]), network.run(x[0], None, None).unwrap().1])
        },
    ));
    all
}
