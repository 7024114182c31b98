//! The layers of `dense.py`.

use wengert_autodiff::{Activation, Index, Tape, Var};
use wengert_nn::{
    BagMode, Bilinear, Embedding, EmbeddingBag, GatedLinear, GatedLinearConfig, Glu, Highway,
    Layer, LayerConfig, Linear, Maxout, PRelu, Parallel, Residual, Sequential, Unflatten,
};

use super::{Case, case};

/// A layer of one input, from its config.
pub fn layer<C: LayerConfig<f64> + 'static>(name: &str, config: C) -> Case
where
    C::Layer: 'static,
{
    case(name, move |rng| config.build(rng).unwrap(), |layer: &C::Layer, _, x| layer.forward(x[0]))
}

fn gated(name: &str, config: GatedLinearConfig) -> Case {
    layer(&format!("gated_{name}"), config)
}

const ROWS: [usize; 6] = [3, 0, 1, 3, 4, 1];

fn bags() -> Vec<Case> {
    let modes = [("sum", BagMode::Sum), ("mean", BagMode::Mean), ("max", BagMode::Max)];
    let mut all = Vec::new();
    for (name, mode) in modes {
        let config = move || EmbeddingBag::config(5, 3).mode(mode);
        all.push(case(
            &format!("bag_{name}"),
            move |rng| config().build(rng).unwrap(),
            |bag: &EmbeddingBag<f64>, tape, _| {
                bag.lookup_offsets(tape, &ROWS, &[0, 2, 2, 5]).unwrap()
            },
        ));
        all.push(case(
            &format!("bag_{name}_padding"),
            move |rng| config().padding(1).build(rng).unwrap(),
            |bag: &EmbeddingBag<f64>, tape, _| {
                bag.lookup(tape, &Index::from_slice(&ROWS, [3, 2]).unwrap()).unwrap()
            },
        ));
    }
    all.push(case(
        "bag_weighted",
        |rng| EmbeddingBag::config(5, 3).mode(BagMode::Sum).build(rng).unwrap(),
        |bag: &EmbeddingBag<f64>, _, x| {
            bag.lookup_weighted(&Index::from_slice(&ROWS, [3, 2]).unwrap(), x[0]).unwrap()
        },
    ));
    all.push(case(
        "tied",
        |rng| Embedding::config(5, 3).build(rng).unwrap(),
        |table: &Embedding<f64>, tape: &Tape<f64>, _| {
            let x = table.lookup(tape, &Index::from(ROWS)).unwrap().tanh();
            table.scores(x).unwrap().tanh()
        },
    ));
    all
}

fn bilinear(name: &str, bias: bool, sizes: [usize; 3]) -> Case {
    let [inputs1, inputs2, outputs] = sizes;
    case(
        name,
        move |rng| {
            let config = Bilinear::config(inputs1, inputs2, outputs);
            if bias { config } else { config.without_bias() }.build(rng).unwrap()
        },
        |layer: &Bilinear<f64>, _, x: &[Var<'_, f64>]| layer.forward(x[0], x[1]),
    )
}

pub fn all() -> Vec<Case> {
    let tanh = |outputs| Sequential::builder().linear(3, outputs, Activation::Tanh);
    let plain = |outputs| Sequential::builder().linear(3, outputs, Activation::Identity);
    let mut all = vec![
        bilinear("bilinear", true, [3, 4, 2]),
        bilinear("bilinear_axes", false, [2, 3, 4]),
        layer("prelu", PRelu::config()),
        layer("prelu_channels", PRelu::config().channels(3)),
        layer("glu", Glu::default()),
        layer("glu_channels", Glu::new(1)),
        gated("logistic", GatedLinear::glu(3, 4)),
        gated("silu", GatedLinear::swiglu(3, 4).without_bias()),
        gated("gelu", GatedLinear::geglu(3, 4)),
        gated("relu", GatedLinear::reglu(3, 4)),
        layer("highway", Highway::config(3).activation(Activation::Tanh)),
        layer("maxout", Maxout::config(3, 2, 4)),
        layer("residual", Residual::config(Linear::config(3, 3).activation(Activation::Tanh))),
        layer("parallel_sum", Parallel::sum().branch(tanh(2)).branch(plain(2))),
        layer("parallel_concat", Parallel::concat(-1).branch(tanh(2)).branch(plain(1))),
        case(
            "unflatten",
            |_| Unflatten::new([3, 2]),
            |layer: &Unflatten, _: &Tape<f64>, x| layer.forward(x[0]).square(),
        ),
    ];
    all.extend(bags());
    all
}
