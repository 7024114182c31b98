//! Einstein summation: a product of tensors with labelled axes, summed over the labels that the
//! output does not have. The cotangents are those of the operations it is composed of.
//!
//! Each operand is first reduced to distinct labels (by taking diagonals), and summed over the
//! labels that neither another operand nor the output has. Then pairs are contracted in the order
//! that [`path`] finds. Of the labels that both operands of a pair have, those needed later become
//! batch axes and the others are summed over; the labels of one operand become rows or columns. The
//! pair is thus one batched matrix product, whose operands are views wherever strides can merge the
//! labels of a group. A pair with nothing to sum over is multiplied element by element.

mod equation;
mod path;

use wengert_kernels::Element;

use self::equation::Equation;
use self::path::{LabelSet, path};
use super::{diagonal, matmul, mul, permute, reshape, sum_axes};
use crate::error::{Error, Result, expect};
use crate::eval::compose;
use crate::shape::Shape;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The maximum number of operands.
const MOST_OPERANDS: usize = 1024;

/// Einstein summation of up to 1024 operands.
///
/// The equation names the axes of each operand by letters, `"ij,jk->ik"` for a matrix product. The
/// operands are multiplied where their labels agree, and summed over the labels that the output
/// does not have.
/// - A label that occurs twice in one operand selects its diagonal: `"ii->i"`; `"ii->"` is the
///   trace.
/// - `...` stands for axes without labels; they broadcast, and are summed over if the output has no
///   `...`.
/// - Without `->` the output has `...` and the labels that occur once, in alphabetical order.
/// - Spaces are ignored.
///
/// All axes of one label have the same size; only those of `...` broadcast. The last bits of the
/// result may depend on which axes of an operand have stride 1, as those of
/// [`matmul`](crate::ops::matmul()) do, but on nothing else of its layout.
///
/// Up to eight operands are contracted pair by pair in the order with the fewest multiplications;
/// more than eight in a greedy order, which compares the pairs of at most 64 operands at a time.
///
/// # Errors
/// If the equation is malformed or does not fit the operands (the message states the position of
/// the character), or there are too many operands.
#[track_caller]
pub fn einsum<'t, E: Element>(equation: &str, operands: &[Var<'t, E>]) -> Result<Var<'t, E>> {
    if operands.len() > MOST_OPERANDS {
        let message = format!(
            "got {} operands, at most {MOST_OPERANDS} are taken; multiply some of them before",
            operands.len()
        );
        return Err(Error::Argument { op: "einsum", message });
    }
    let shapes: Vec<Shape> = operands.iter().map(|x| x.shape()).collect();
    let Equation { inputs, output, sizes } = Equation::new(equation, &shapes)?;
    let mut singles = Vec::with_capacity(operands.len());
    for (&value, labels) in operands.iter().zip(inputs) {
        singles.push(Term { value, labels }.without_repeats(&sizes)?);
    }
    let result: LabelSet = output.iter().copied().collect();
    let sets: Vec<LabelSet> = singles.iter().map(Term::set).collect();
    let mut terms = Vec::with_capacity(2 * operands.len());
    for (i, single) in singles.into_iter().enumerate() {
        let others = sets.iter().enumerate().filter(|(j, _)| *j != i);
        let needed = others.fold(result, |all, (_, &set)| all.union(set));
        terms.push(Some(single.reduced(needed)?));
    }
    let sets: Vec<LabelSet> = terms.iter().flatten().map(Term::set).collect();
    for (i, j) in path(&sets, result, &sizes) {
        let (Some(a), Some(b)) = (terms[i].take(), terms[j].take()) else {
            unreachable!("a path uses each term once")
        };
        let others = terms.iter().flatten().map(Term::set);
        let needed = others.fold(result, LabelSet::union);
        terms.push(Some(Term::contract(&a, &b, needed, &sizes)?));
    }
    let Some(Some(last)) = terms.pop() else { unreachable!("an equation has a term") };
    last.in_order(&output)
}

/// A tensor and the labels of its axes.
#[derive(Clone, Debug)]
struct Term<'t, E: Element> {
    value: Var<'t, E>,
    labels: Vec<usize>,
}

impl<'t, E: Element> Term<'t, E> {
    fn set(&self) -> LabelSet {
        self.labels.iter().copied().collect()
    }

    /// The term without the axes of size 1 that broadcast: a product repeats an operand along the
    /// labels that it lacks.
    fn without_repeats(mut self, sizes: &[usize]) -> Result<Self> {
        let shape = self.value.shape();
        let repeats = |axis: usize| shape[axis] == 1 && sizes[self.labels[axis]] != 1;
        let kept: Vec<usize> = (0..shape.rank()).filter(|&axis| !repeats(axis)).collect();
        if kept.len() < shape.rank() {
            self.value = reshape(self.value, kept.iter().map(|&i| shape[i]).collect::<Shape>())?;
            self.labels = kept.iter().map(|&i| self.labels[i]).collect();
        }
        Ok(self)
    }

    /// The term with each label once, summed over the labels that are not needed elsewhere.
    fn reduced(mut self, needed: LabelSet) -> Result<Self> {
        while let Some((first, second)) = twice(&self.labels) {
            let label = self.labels.remove(second);
            self.labels.remove(first);
            let rank = self.labels.len() + 2;
            let others = (0..rank).filter(|&axis| axis != first && axis != second);
            let order: Vec<isize> = others.chain([first, second]).map(|i| i as isize).collect();
            self.value = diagonal(permute(self.value, &order)?, 0)?;
            self.labels.push(label);
        }
        let alone = |label: &usize| !needed.contains(*label);
        if self.labels.iter().any(alone) {
            let axes: Vec<isize> = (0..self.labels.len())
                .filter(|&axis| alone(&self.labels[axis]))
                .map(|axis| axis as isize)
                .collect();
            self.value = sum_axes(self.value, &axes, false)?;
            self.labels.retain(|label| !alone(label));
        }
        Ok(self)
    }

    /// The value with its axes in the order of `labels`, a permutation of its own.
    fn in_order(self, labels: &[usize]) -> Result<Var<'t, E>> {
        if self.labels == labels {
            return Ok(self.value);
        }
        let place = |label: &usize| self.labels.iter().position(|own| own == label);
        let order: Vec<isize> = labels.iter().filter_map(place).map(|axis| axis as isize).collect();
        permute(self.value, &order)
    }

    /// The product of two terms, summed over the labels of both that are not needed afterwards.
    fn contract(a: &Self, b: &Self, needed: LabelSet, sizes: &[usize]) -> Result<Self> {
        let (in_a, in_b) = (a.set(), b.set());
        let (of_a, of_b) = (a.in_memory()?, b.in_memory()?);
        let pick = |from: &[usize], wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
            from.iter().copied().filter(|&label| wanted(label)).collect()
        };
        let batch = pick(&of_a, &|label| in_b.contains(label) && needed.contains(label));
        let rows = pick(&of_a, &|label| !in_b.contains(label));
        let cols = pick(&of_b, &|label| !in_a.contains(label));
        // The order of the labels that are summed over can match the memory layout of only one
        // operand: the larger one.
        let longer = if a.value.shape().numel() < b.value.shape().numel() { &of_b } else { &of_a };
        let inner = pick(longer, &|label| {
            in_a.contains(label) && in_b.contains(label) && !needed.contains(label)
        });
        let labels = [&batch[..], &rows, &cols].concat();
        let dims = |labels: &[usize]| -> Vec<usize> { labels.iter().map(|&l| sizes[l]).collect() };
        let merged = |labels: &[usize]| -> usize { labels.iter().map(|&l| sizes[l]).product() };
        let a_value = a.clone().in_order(&[&batch[..], &rows, &inner].concat())?;
        let b_value = b.clone().in_order(&[&batch[..], &inner, &cols].concat())?;
        if inner.is_empty() {
            let ones = vec![1; cols.len()];
            let a_value = reshape(a_value, [dims(&batch), dims(&rows), ones].concat())?;
            let ones = vec![1; rows.len()];
            let b_value = reshape(b_value, [dims(&batch), ones, dims(&cols)].concat())?;
            return Ok(Term { value: mul(a_value, b_value)?, labels });
        }
        let (m, k, n) = (merged(&rows), merged(&inner), merged(&cols));
        let a_value = reshape(a_value, [dims(&batch), vec![m, k]].concat())?;
        let b_value = reshape(b_value, [dims(&batch), vec![k, n]].concat())?;
        let value = reshape(matmul(a_value, b_value)?, dims(&labels))?;
        Ok(Term { value, labels })
    }

    /// The labels in the order of their axes in memory, the innermost last.
    fn in_memory(&self) -> Result<Vec<usize>> {
        let strides = self.value.try_value()?.strides();
        let mut axes: Vec<usize> = (0..self.labels.len()).collect();
        axes.sort_by_key(|&axis| std::cmp::Reverse(strides[axis].unsigned_abs()));
        Ok(axes.into_iter().map(|axis| self.labels[axis]).collect())
    }
}

/// The positions of the first label that occurs twice.
fn twice(labels: &[usize]) -> Option<(usize, usize)> {
    let again = |second: usize| labels[..second].iter().position(|&first| first == labels[second]);
    (0..labels.len()).find_map(|second| again(second).map(|first| (first, second)))
}

impl<E: Element> Var<'_, E> {
    /// Einstein summation. See [`ops::einsum`](crate::ops::einsum).
    ///
    /// # Panics
    /// If the equation is malformed or does not fit the operands.
    #[track_caller]
    pub fn einsum(equation: &str, operands: &[Self]) -> Self {
        expect(einsum(equation, operands))
    }
}

impl<E: Element> Tensor<E> {
    /// Einstein summation. See [`ops::einsum`](crate::ops::einsum).
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let a = Tensor::from_fn([2, 3, 4], |i| (i[0] + i[1] + i[2]) as f32);
    /// let b = Tensor::<f32>::ones([2, 4, 5]);
    /// assert_eq!(Tensor::einsum("bij,bjk->bik", &[&a, &b]), a.matmul(&b));
    /// ```
    ///
    /// # Panics
    /// If the equation is malformed or does not fit the operands.
    #[track_caller]
    pub fn einsum(equation: &str, operands: &[&Self]) -> Self {
        expect(Self::try_einsum(equation, operands))
    }

    /// Einstein summation. See [`ops::einsum`](crate::ops::einsum).
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if the equation is malformed or does not fit the
    /// operands.
    pub fn try_einsum(equation: &str, operands: &[&Self]) -> Result<Self> {
        compose(operands, |operands| einsum(equation, operands))
    }
}

instances!(einsum<E>: einsum::<E>, Tensor::<E>::try_einsum);
