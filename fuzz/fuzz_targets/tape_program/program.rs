//! Calls of operations with all their arguments, and running a sequence of them on a tape.

use wengert_autodiff::{Index, Result, Shape, Tape, Tensor, Var, ops};

/// A value of the program, by its number, as it is or adapted to a shape.
#[derive(Clone, Debug)]
pub struct Operand {
    pub value: usize,
    /// The shape to adapt it to, and whether its axes are in reverse order in memory.
    pub fit: Option<(Shape, bool)>,
}

impl Operand {
    fn on<'t>(&self, values: &[Var<'t, f64>]) -> Result<Var<'t, f64>> {
        let x = values[self.value];
        let Some((shape, transposed)) = &self.fit else { return Ok(x) };
        let len = x.shape().numel();
        // Repeats the elements until there are enough.
        let index = Index::from_fn([shape.numel()], |i| i[0] % len.max(1));
        let x = ops::index_select(ops::reshape(x, [len])?, 0, &index)?;
        if !transposed {
            return ops::reshape(x, shape);
        }
        let reversed: Shape = shape.iter().rev().copied().collect();
        let order: Vec<isize> = (0..shape.rank() as isize).rev().collect();
        ops::permute(ops::reshape(x, reversed)?, &order)
    }
}

type Function = dyn for<'t> Fn(&[Var<'t, f64>]) -> Result<Var<'t, f64>>;

/// An operation, its operands and its arguments.
pub struct Call {
    /// The name with which its errors begin.
    pub name: &'static str,
    /// The arguments, as text for the report.
    pub arguments: String,
    pub operands: Vec<Operand>,
    function: Box<Function>,
}

impl Call {
    pub fn new(
        name: &'static str,
        arguments: String,
        operands: impl Into<Vec<Operand>>,
        function: impl for<'t> Fn(&[Var<'t, f64>]) -> Result<Var<'t, f64>> + 'static,
    ) -> Self {
        Call { name, arguments, operands: operands.into(), function: Box::new(function) }
    }

    /// Its operands among the values.
    pub fn operands<'t>(&self, values: &[Var<'t, f64>]) -> Result<Vec<Var<'t, f64>>> {
        self.operands.iter().map(|operand| operand.on(values)).collect()
    }

    pub fn apply<'t>(&self, operands: &[Var<'t, f64>]) -> Result<Var<'t, f64>> {
        (self.function)(operands)
    }

    /// Its value for operands in row-major order.
    pub fn of_contiguous(&self, operands: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        let tape = Tape::new();
        let vars: Vec<_> = operands.iter().map(|x| tape.constant(&copy(x))).collect();
        self.apply(&vars)?.try_value()
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let operands: Vec<String> = self
            .operands
            .iter()
            .map(|operand| match &operand.fit {
                None => format!("#{}", operand.value),
                Some((shape, false)) => format!("#{} as {shape}", operand.value),
                Some((shape, true)) => format!("#{} as {shape} transposed", operand.value),
            })
            .collect();
        write!(f, "{}({}; {})", self.name, operands.join(", "), self.arguments)
    }
}

/// A row-major copy in a buffer of its own.
pub fn copy(x: &Tensor<f64>) -> Tensor<f64> {
    Tensor::from_vec(x.to_vec(), x.shape().clone()).expect("as many elements as there are")
}

/// All values of a program: those of the inputs, then one for each call.
pub fn run<'t>(calls: &[Call], inputs: &[Var<'t, f64>]) -> Result<Vec<Var<'t, f64>>> {
    let mut values = inputs.to_vec();
    for call in calls {
        let operands = call.operands(&values)?;
        values.push(call.apply(&operands)?);
    }
    Ok(values)
}

/// The output of a program: the values that no call uses, concatenated, without values computed
/// from empty ones, whose operands may be outside the domain.
pub fn output<'t>(calls: &[Call], values: &[Var<'t, f64>]) -> Result<Var<'t, f64>> {
    let used = |value: usize| {
        calls.iter().any(|call| call.operands.iter().any(|operand| operand.value == value))
    };
    let inputs = values.len() - calls.len();
    let flat: Vec<_> = (inputs..values.len())
        .filter(|&value| !used(value))
        .map(|value| ops::reshape(values[value], [values[value].shape().numel()]))
        .collect::<Result<_>>()?;
    let filled: Vec<_> = flat.iter().copied().filter(|x| x.shape().numel() > 0).collect();
    ops::concat(if filled.is_empty() { &flat } else { &filled }, 0)
}
