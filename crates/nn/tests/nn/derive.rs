//! `#[derive(Module)]` on every form of type, and `check_module`.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use rand::SeedableRng;
use rand_pcg::Pcg64;
use wengert_autodiff::{Activation, Element, Parameter, Result, Tape, Tensor, Var};
use wengert_nn::{
    BatchNorm1d, Buffer, Dropout, Init, Layer, Linear, Module, ModuleError, Optimizer, Role,
    Sequential, Sgd, Visitor, VisitorMut, check_module,
};

fn rng() -> Pcg64 {
    Pcg64::seed_from_u64(1)
}

fn linear<E: Element>(inputs: usize, outputs: usize) -> Linear<E> {
    Linear::config(inputs, outputs).build(&mut rng()).unwrap()
}

fn parameter<E: Element>(size: usize) -> Parameter<E> {
    Parameter::new(Tensor::zeros([size]))
}

fn names<E: Element>(module: &impl Module<E>) -> Vec<String> {
    module.parameters().into_iter().map(|(name, _)| name).collect()
}

/// A module with every kind of field.
#[derive(Debug, Module)]
struct Everything<E: Element, M, const N: usize> {
    plain: Linear<E>,
    own: Parameter<E>,
    some: Option<Linear<E>>,
    none: Option<Parameter<E>>,
    list: Vec<Parameter<E>>,
    array: [Linear<E>; N],
    boxed: Box<M>,
    named: BTreeMap<String, Linear<E>>,
    pair: (Linear<E>, Parameter<E>),
    nested: Vec<Option<Box<Linear<E>>>>,
    #[module(name = "gamma")]
    scale: Parameter<E>,
    #[module(flatten)]
    inner: Inner<E>,
    #[module(skip)]
    unseen: Linear<E>,
    r#type: Parameter<E>,
    state: Buffer<E>,
    #[module(training)]
    training: bool,
    width: usize,
    sizes: Vec<[usize; 2]>,
    label: Option<&'static str>,
    marker: PhantomData<M>,
}

#[derive(Clone, Debug, Module)]
struct Inner<E: Element> {
    first: Parameter<E>,
    drop: Dropout,
}

fn everything() -> Everything<f64, Sequential<f64>, 2> {
    Everything {
        plain: linear(1, 1),
        own: parameter(2),
        some: Some(linear(1, 2)),
        none: None,
        list: vec![parameter(3), parameter(4)],
        array: [linear(2, 1), linear(3, 1)],
        boxed: Box::new(Sequential::builder().batch_norm1d(3).build(&mut rng()).unwrap()),
        named: ["b", "a"].map(|name| (name.to_owned(), linear(1, 1))).into(),
        pair: (linear(1, 1), parameter(1)),
        nested: vec![None, Some(Box::new(linear(4, 1)))],
        scale: parameter(5),
        inner: Inner { first: parameter(6), drop: Dropout::new(0.5, &mut rng()).unwrap() },
        unseen: linear(9, 9),
        r#type: parameter(7),
        state: Buffer::new(Tensor::zeros([1])),
        training: true,
        width: 3,
        sizes: Vec::new(),
        label: None,
        marker: PhantomData,
    }
}

#[test]
fn every_field_that_holds_parameters_is_shown_under_its_name() {
    let mut module = everything();
    let expected = [
        "plain.weight",
        "plain.bias",
        "own",
        "some.weight",
        "some.bias",
        "list.0",
        "list.1",
        "array.0.weight",
        "array.0.bias",
        "array.1.weight",
        "array.1.bias",
        "boxed.0.weight",
        "boxed.0.bias",
        "named.a.weight",
        "named.a.bias",
        "named.b.weight",
        "named.b.bias",
        "pair.0.weight",
        "pair.0.bias",
        "pair.1",
        "nested.1.weight",
        "nested.1.bias",
        "gamma",
        "first",
        "type",
    ];
    assert_eq!(names(&module), expected);
    let buffers: Vec<String> = module.buffers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(buffers, ["boxed.0.running_mean", "boxed.0.running_var", "state"]);
    check_module(&mut module).unwrap();
    let unused = (&module.unseen, module.width, &module.sizes, module.label, module.marker);
    assert_eq!((unused.1, unused.2.len(), unused.3), (3, 0, None));
    assert_eq!(unused.0.weight().value().len(), 81);
}

#[test]
fn modes_and_freezing_reach_every_part() {
    let mut module = everything();
    let x = Tensor::<f64>::ones([100]);
    assert_ne!(module.inner.drop.predict(&x), x);
    module.eval();
    assert!(!module.training);
    assert_eq!(module.inner.drop.predict(&x), x);
    let one = Tensor::ones([1, 3]);
    module.boxed.try_predict(&one).unwrap();
    module.train();
    assert!(module.training);
    assert!(module.boxed.try_predict(&one).is_err(), "one sample has no variance");
    assert_ne!(module.inner.drop.predict(&x), x);

    module.freeze();
    assert!(module.parameters().iter().all(|(_, p)| p.is_frozen()));
    assert!(!module.unseen.weight().is_frozen());
    module.named.unfreeze();
    let free = module.parameters().into_iter().filter(|(_, p)| !p.is_frozen());
    let free: Vec<String> = free.map(|(name, _)| name).collect();
    assert_eq!(free, ["named.a.weight", "named.a.bias", "named.b.weight", "named.b.bias"]);
}

/// An enum of modules, which contains itself.
#[derive(Clone, Debug, Module)]
enum Tree {
    Leaf(Linear),
    Normal(BatchNorm1d),
    Pair { left: Box<Tree>, right: Box<Tree> },
    Scaled(f32, Box<Tree>),
    Nothing,
}

#[test]
fn a_variant_of_one_field_stands_for_its_module() {
    let leaf = Tree::Leaf(linear(1, 1));
    assert_eq!(names(&leaf), ["weight", "bias"]);
    let mut normal = Tree::Normal(BatchNorm1d::new(1));
    assert_eq!(normal.role(), Role::Standardization);
    assert_eq!(leaf.role(), Role::Plain);
    normal.eval();
    let Tree::Normal(layer) = &normal else { unreachable!() };
    layer.try_predict(&Tensor::ones([1, 1])).unwrap();
    let tanh = Linear::config(1, 1).activation(Activation::Tanh).build(&mut rng()).unwrap();
    assert_eq!(Tree::Leaf(tanh).activation(), Activation::Tanh);

    let scaled = Tree::Scaled(2.0, Box::new(normal));
    let mut pair = Tree::Pair { left: Box::new(leaf), right: Box::new(scaled) };
    assert_eq!(names(&pair), ["left.weight", "left.bias", "right.1.weight", "right.1.bias"]);
    check_module(&mut pair).unwrap();
    let Tree::Pair { right, .. } = pair else { unreachable!() };
    assert!(matches!(*right, Tree::Scaled(factor, _) if factor == 2.0));
    assert!(names(&Tree::Nothing).is_empty());
}

/// A module whose element type is that of its parts.
#[derive(Debug, Module)]
struct Double {
    layer: Linear<f64>,
}

/// A module of any element type.
#[derive(Clone, Debug, Module)]
#[module(role = Role::Residual, activation = self.inner.activation())]
struct Skip<M> {
    inner: M,
}

impl<E: Element, M: Layer<E>> Layer<E> for Skip<M> {
    fn try_forward<'t>(&self, x: Var<'t, E>) -> Result<Var<'t, E>> {
        Ok(x + self.inner.try_forward(x)?)
    }
}

/// A forward pass of two inputs and a mask.
#[derive(Debug, Module)]
struct Gate {
    left: Linear,
    right: Linear,
    drop: Dropout,
}

impl Gate {
    fn forward<'t>(&self, x: Var<'t>, h: Var<'t>, mask: &Tensor) -> Var<'t> {
        let gate = self.left.forward(x) + self.right.forward(h);
        self.drop.forward(gate.logistic()) * x.tape().constant(mask)
    }
}

#[test]
fn no_element_type_has_to_be_named() {
    let mut double = Double { layer: linear(2, 1) };
    double.eval();
    assert_eq!(double.parameter_count(), 3);
    let skip = Skip { inner: linear::<f64>(2, 2) };
    assert_eq!(skip.parameter_count(), 6);
    assert_eq!(skip.role(), Role::Residual);
    assert_eq!(skip.predict(&Tensor::ones([1, 2])).shape().dims(), [1, 2]);

    let mut gate = Gate {
        left: linear(2, 3),
        right: linear(4, 3),
        drop: Dropout::new(0.1, &mut rng()).unwrap(),
    };
    gate.eval();
    let before = gate.left.weight().value().clone();
    gate.right.freeze();
    let fixed = gate.right.weight().value().clone();
    let tape = Tape::new();
    let [x, h] = [2, 4].map(|width| tape.constant(&Tensor::ones([5, width])));
    let loss = gate.forward(x, h, &Tensor::ones([5, 3])).square().mean();
    Sgd::new(0.1).step(&mut gate, &loss.backward());
    assert_ne!(*gate.left.weight().value(), before);
    assert_eq!(*gate.right.weight().value(), fixed);
}

/// Optimizers accept any module.
#[test]
fn a_parameter_a_list_and_a_tuple_are_modules() {
    let mut weight = Parameter::new(Tensor::<f64>::ones([1]));
    let mut list = vec![Parameter::new(Tensor::<f64>::ones([1]))];
    let tape = Tape::new();
    let loss = (tape.parameter(&weight) * tape.parameter(&list[0])).sum();
    let gradients = loss.backward();
    Sgd::new(0.5).step(&mut weight, &gradients);
    Sgd::new(0.25).step(&mut list, &gradients);
    assert_eq!(weight.value().to_vec(), [0.5]);
    assert_eq!(list[0].value().to_vec(), [0.75]);
    assert_eq!(names(&weight), [""]);
    assert_eq!(names(&(weight, list)), ["0", "1.0"]);
}

/// A manual implementation, with one fault or none.
#[derive(Debug)]
struct ByHand {
    wrong: &'static str,
    a: Parameter<f32>,
    b: Parameter<f32>,
    drop: Dropout,
}

impl Module for ByHand {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'_, 'a>) {
        visitor.parameter("a", &self.a);
        visitor.parameter(if self.wrong == "repeated" { "a" } else { "b" }, &self.b);
        if self.wrong == "shared" {
            visitor.parameter("c", &self.a);
        }
        visitor.child("drop", &self.drop);
    }

    fn visit_mut(&mut self, visitor: &mut VisitorMut<'_>) {
        match self.wrong {
            "order" => {
                visitor.parameter("b", &mut self.b);
                visitor.parameter("a", &mut self.a);
            }
            "name" => {
                visitor.parameter("a", &mut self.a);
                visitor.parameter("beta", &mut self.b);
            }
            "exchanged" => {
                visitor.parameter("a", &mut self.b);
                visitor.parameter("b", &mut self.a);
            }
            _ => {
                visitor.parameter("a", &mut self.a);
                visitor.parameter("b", &mut self.b);
            }
        }
        if self.wrong != "forgotten" {
            visitor.child("drop", &mut self.drop);
        }
        if self.wrong == "more" {
            visitor.parameter("c", &mut Parameter::new(Tensor::zeros([1])));
        }
    }
}

#[test]
fn check_module_finds_what_is_wrong() {
    let check = |wrong| {
        let drop = Dropout::new(0.5, &mut rng()).unwrap();
        check_module(&mut ByHand { wrong, a: parameter(1), b: parameter(2), drop })
    };
    check("nothing").unwrap();
    let parameters = |place, visited: &str, visited_mut: &str| {
        let [visited, visited_mut] = [visited, visited_mut].map(str::to_owned);
        ModuleError::Parameters { place, visited, visited_mut }
    };
    let cases = [
        ("order", parameters(0, "\"a\"", "\"b\"")),
        ("name", parameters(1, "\"b\"", "\"beta\"")),
        ("exchanged", parameters(0, "\"a\" of shape [1]", "\"a\" of shape [2]")),
        ("more", parameters(2, "none", "\"c\"")),
        ("repeated", ModuleError::Repeated { name: "a".to_owned() }),
        ("shared", ModuleError::Shared { name: "c".to_owned(), other: "a".to_owned() }),
        (
            "forgotten",
            ModuleError::Children {
                place: 0,
                visited: "\"drop\"".to_owned(),
                visited_mut: "none".to_owned(),
            },
        ),
    ];
    for (wrong, error) in cases {
        assert_eq!(check(wrong), Err(error), "{wrong}");
    }
}

#[test]
fn the_layers_of_the_crate_pass_the_check() {
    let mut model: Sequential = Sequential::builder()
        .embedding(10, 4)
        .linear(4, 6, Activation::Tanh)
        .dropout(0.1)
        .batch_norm1d(6)
        .layer_norm([6])
        .rms_norm([6])
        .with(Linear::config(6, 2).without_bias().init(Init::he_normal()))
        .build(&mut rng())
        .unwrap();
    check_module(&mut model).unwrap();
    let clone = model.clone();
    assert_eq!(names(&clone), names(&model));
    let ids = |model: &Sequential| -> Vec<_> {
        model.parameters().into_iter().map(|(_, p)| p.id()).collect()
    };
    assert!(ids(&clone).iter().all(|id| !ids(&model).contains(id)));
    let (words, mut clone) = (Tensor::ones([3]), clone);
    model.eval();
    clone.eval();
    assert_eq!(model.predict(&words), clone.predict(&words));
}
