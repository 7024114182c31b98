//! Elementwise functions of the caller, compiled for each SIMD level and run on several threads.

use wengert_kernels::Element;
use wengert_kernels::elementwise::Run;
use wengert_kernels::simd::{Kernel, Simd, dispatch};
use wengert_kernels::threads::for_chunks;

use super::{Tensor, strided};
use crate::error::{Result, expect};
use crate::op::Forward;
use crate::shape::{Shape, broadcast};

/// Number of elements of a block: a dozen blocks stay in the first-level cache.
const BLOCK: usize = 512;

/// Number of elements that a thread processes at a time.
const PIECE: usize = 1 << 15;

/// Calls `f` with blocks of at most 512 elements: those of each input, and the corresponding block
/// of the output, which `f` writes. Long slices are divided among the threads of the caller's rayon
/// pool.
///
/// `f` is compiled once for each SIMD level. A loop over the block whose iterations do not depend
/// on each other becomes vector instructions of the CPU on which the program runs, including
/// everything that is inlined into `f`: operators, `abs`, `sqrt`, comparisons, functions marked
/// `#[inline(always)]`, and `mul_add`, which is slow on the portable level. Calls of the
/// mathematics library (`f32::exp`) are not vectorized; call the [kernels](wengert_kernels::math)
/// for such functions on a block instead.
///
/// The results depend on the level only if those of `f` do (`mul_add`, kernels), and do not depend
/// on the number of threads, provided that `f` computes each element from the inputs' elements at
/// its position.
///
/// ```
/// use wengert_autodiff::for_blocks;
/// use wengert_kernels::math;
/// let (x, y) = ([0.0_f32, 1.0, 2.0], [1.0, 1.0, 0.5]);
/// let mut out = [0.0; 3];
/// // exp(-x^2) y in one pass over memory.
/// for_blocks([&x, &y], &mut out, |[x, y], out| {
///     let mut squares = [0.0; 512];
///     let squares = &mut squares[..out.len()];
///     for (square, x) in squares.iter_mut().zip(x) {
///         *square = -x * x;
///     }
///     math::exp(squares, out);
///     for (out, y) in out.iter_mut().zip(y) {
///         *out *= y;
///     }
/// });
/// assert!((out[2] - 0.5 * f32::exp(-4.0)).abs() < 1e-7);
/// ```
///
/// # Panics
/// If the length of an input is not that of the output, or `f` panics.
#[track_caller]
pub fn for_blocks<E: Element, const N: usize>(
    inputs: [&[E]; N],
    out: &mut [E],
    f: impl Fn([&[E]; N], &mut [E]) + Send + Sync,
) {
    for (i, input) in inputs.iter().enumerate() {
        assert!(
            input.len() == out.len(),
            "for_blocks: input {i} has {} elements and the output {}; they must have the same length",
            input.len(),
            out.len()
        );
    }
    drive(inputs.map(Run::Slice), out, f);
}

/// [`for_blocks`] for inputs each of which has the output's length or is a single element.
fn drive<E: Element, const N: usize>(
    inputs: [Run<'_, E>; N],
    out: &mut [E],
    f: impl Fn([&[E]; N], &mut [E]) + Send + Sync,
) {
    for_chunks(out, PIECE, |start, out| {
        let inputs = inputs.map(|input| match input {
            Run::Slice(elements) => Run::Slice(&elements[start..start + out.len()]),
            Run::Splat(element) => Run::Splat(element),
        });
        dispatch(Blocks { inputs, out, f: &f });
    });
}

/// A function that is called block by block, as a kernel.
struct Blocks<'a, E, F, const N: usize> {
    inputs: [Run<'a, E>; N],
    out: &'a mut [E],
    f: &'a F,
}

impl<E: Element, const N: usize, F: Fn([&[E]; N], &mut [E])> Kernel for Blocks<'_, E, F, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let splats = self.inputs.map(|input| match input {
            Run::Slice(_) => [E::ZERO; BLOCK],
            Run::Splat(element) => [element; BLOCK],
        });
        for (i, out) in self.out.chunks_mut(BLOCK).enumerate() {
            let mut block = [&[][..]; N];
            for ((block, input), splat) in block.iter_mut().zip(&self.inputs).zip(&splats) {
                *block = match input {
                    Run::Slice(elements) => &elements[i * BLOCK..][..out.len()],
                    Run::Splat(_) => &splat[..out.len()],
                };
            }
            (self.f)(block, out);
        }
    }
}

/// `out = f(x)`.
fn map<E: Element>(f: impl Fn(E) -> E + Send + Sync, x: &[E], out: &mut [E]) {
    drive([Run::Slice(x)], out, |[x], out| {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = f(x);
        }
    });
}

/// `out = f(a, b)`.
fn zip<E: Element>(f: impl Fn(E, E) -> E + Send + Sync, a: Run<E>, b: Run<E>, out: &mut [E]) {
    drive([a, b], out, |[a, b], out| {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = f(a, b);
        }
    });
}

impl<E: Element> Tensor<E> {
    /// A tensor of the results of `f` for each element. See [`map`](Self::map).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn try_map(&self, f: impl Fn(E) -> E + Send + Sync) -> Result<Self> {
        self.mapped(f, |shape| Self::stale(shape, self.pool()))
    }

    /// A tensor of the results of `f` for each element. `f` is called in any order, for a large
    /// tensor on several threads, and once for elements that a view repeats. [`for_blocks`] states
    /// which code is vectorized.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from([1.0_f32, -2.0, 3.0]);
    /// assert_eq!(x.map(|x| if x > 0.0 { x } else { 0.1 * x }).to_vec(), [1.0, -0.2, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If `f` panics, or there is no memory for the result.
    #[track_caller]
    #[must_use]
    pub fn map(&self, f: impl Fn(E) -> E + Send + Sync) -> Self {
        expect(self.try_map(f))
    }

    /// Replaces each element by the result of `f`. Copies first under the conditions of
    /// [`as_mut_slice`](Self::as_mut_slice).
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let mut x = Tensor::from([1.0_f32, -2.0, 3.0]);
    /// x.map_in_place(|x| x * x);
    /// assert_eq!(x.to_vec(), [1.0, 4.0, 9.0]);
    /// ```
    ///
    /// # Panics
    /// If `f` panics, or there is no memory for the copy.
    #[track_caller]
    pub fn map_in_place(&mut self, f: impl Fn(E) -> E + Send + Sync) {
        expect(self.try_map_in_place(f));
    }

    /// Replaces each element by the result of `f`. See [`map_in_place`](Self::map_in_place).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) if there is no memory for the copy.
    pub fn try_map_in_place(&mut self, f: impl Fn(E) -> E + Send + Sync) -> Result<()> {
        drive([], self.try_as_mut_slice()?, |[], out| {
            for out in out {
                *out = f(*out);
            }
        });
        Ok(())
    }

    /// A tensor of the results of `f` for each pair of elements. See [`zip_with`](Self::zip_with).
    ///
    /// # Errors
    /// [`Error::Shapes`](crate::Error::Shapes) if the shapes do not broadcast,
    /// [`Error::TooLarge`](crate::Error::TooLarge), and
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn try_zip_with(&self, other: &Self, f: impl Fn(E, E) -> E + Send + Sync) -> Result<Self> {
        let shape = broadcast("zip_with", &[self.shape(), other.shape()])?;
        self.zipped(other, &shape, f, |shape| Self::stale(shape, self.pool()))
    }

    /// A tensor of the results of `f` for each pair of elements; the shapes broadcast. As in
    /// [`map`](Self::map), `f` is called in any order and on several threads.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from([[3.0_f32, 4.0], [5.0, 12.0]]);
    /// let y = Tensor::from([4.0_f32, 3.0]);
    /// assert_eq!(x.zip_with(&y, f32::hypot)[[0, 0]], 5.0);
    /// ```
    ///
    /// # Shapes
    /// The result has the shape to which the operands broadcast.
    ///
    /// # Panics
    /// If `f` panics, the shapes do not broadcast, or there is no memory for the result.
    #[track_caller]
    #[must_use]
    pub fn zip_with(&self, other: &Self, f: impl Fn(E, E) -> E + Send + Sync) -> Self {
        expect(self.try_zip_with(other, f))
    }

    /// `f` applied to each element, in a tensor that `new` allocates.
    fn mapped(
        &self,
        f: impl Fn(E) -> E + Send + Sync,
        new: impl Fn(Shape) -> Result<Self>,
    ) -> Result<Self> {
        self.compute()?;
        strided::each(self, new, |x, out| map(&f, x, out))
    }

    /// `f` applied to each pair of elements of two tensors that broadcast to `shape`.
    fn zipped(
        &self,
        other: &Self,
        shape: &Shape,
        f: impl Fn(E, E) -> E + Send + Sync,
        new: impl Fn(Shape) -> Result<Self>,
    ) -> Result<Self> {
        self.compute()?;
        other.compute()?;
        // Along an axis on which both operands repeat, so does the result.
        let once = strided::once_all(&[self, other], shape);
        let (a, b, each) = match &once {
            Some((once, shape)) => (&once[0], &once[1], shape),
            None => (self, other, shape),
        };
        let mut out = new(each.clone())?;
        strided::zip(a, b, each, out.as_mut_slice(), |a, b, out| zip(&f, a, b, out));
        out.try_broadcast_to(shape)
    }
}

/// Elementwise forward computations for a user's [`Op::forward`](crate::Op::forward): the function
/// is compiled for each SIMD level and run on several threads, as [`for_blocks`] describes.
///
/// The output is computed immediately, in one pass over memory, and deferred operands are computed
/// before it: only the operations of this crate join a chain that is computed tile by tile. A
/// function composed of these operations on variables, without an [`Op`](crate::Op) of its own,
/// joins chains and has its gradient; a function implemented as an `Op` takes one pass, however
/// much it computes.
impl<E: Element> Forward<'_, E> {
    /// The output of a function of single elements, for an operation whose output has the operand's
    /// shape.
    ///
    /// # Errors
    /// [`Error::Shapes`](crate::Error::Shapes) if the output has another shape, and
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn map(&self, x: &Tensor<E>, f: impl Fn(E) -> E + Send + Sync) -> Result<Tensor<E>> {
        x.try_broadcast_to(self.shape())?.mapped(f, |shape| self.scratch(shape))
    }

    /// The output of a function of pairs of elements, for an operation whose output has the shape
    /// to which the operands broadcast.
    ///
    /// # Errors
    /// [`Error::Shapes`](crate::Error::Shapes) if an operand does not broadcast to the shape of the
    /// output, and [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn zip(
        &self,
        a: &Tensor<E>,
        b: &Tensor<E>,
        f: impl Fn(E, E) -> E + Send + Sync,
    ) -> Result<Tensor<E>> {
        let shape = self.shape();
        for x in [a, b] {
            x.try_broadcast_to(shape)?;
        }
        a.zipped(b, shape, f, |shape| self.scratch(shape))
    }

    /// The output of a function of blocks of elements (see [`for_blocks`]) of any number of
    /// operands that broadcast to the output's shape. An operand that is neither laid out like the
    /// output nor a single element is copied first.
    ///
    /// ```
    /// use wengert_autodiff::{Cotangents, Forward, Op, Result, Shape, Tape, Tensor, Vjp};
    ///
    /// /// y = a + t (b - a), all three of one shape.
    /// #[derive(Debug)]
    /// struct Lerp;
    ///
    /// impl Op<f32> for Lerp {
    ///     fn name(&self) -> &'static str {
    ///         "lerp"
    ///     }
    ///     fn arity(&self) -> Option<usize> {
    ///         Some(3)
    ///     }
    ///     fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
    ///         Ok(inputs[0].clone())
    ///     }
    ///     fn forward(&self, x: &[&Tensor], ctx: &mut Forward<'_, f32>) -> Result<Tensor> {
    ///         ctx.blocks([x[0], x[1], x[2]], |[a, b, t], out| {
    ///             for i in 0..out.len() {
    ///                 out[i] = a[i] + t[i] * (b[i] - a[i]);
    ///             }
    ///         })
    ///     }
    ///     fn vjp<'t>(&self, node: &Vjp<'_, 't, f32>) -> Result<Cotangents<'t, f32>> {
    ///         let ([a, b, t], gy) = ([0, 1, 2].map(|i| node.input(i)), node.gy());
    ///         Ok([Some(gy * (1.0 - t)), Some(gy * t), Some(gy * (b - a))].into_iter().collect())
    ///     }
    /// }
    ///
    /// let tape = Tape::new();
    /// let [a, b, t] = [2.0, 6.0, 0.25].map(|x| tape.variable(&Tensor::full([3], x)));
    /// let y = tape.apply(Lerp, &[a, b, t])?;
    /// assert_eq!(y.value().to_vec(), [3.0; 3]);
    /// assert_eq!(y.sum().backward().get(t).unwrap().to_vec(), [4.0; 3]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shapes`](crate::Error::Shapes) if an operand does not broadcast to the shape of the
    /// output, and [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn blocks<const N: usize>(
        &self,
        operands: [&Tensor<E>; N],
        f: impl Fn([&[E]; N], &mut [E]) + Send + Sync,
    ) -> Result<Tensor<E>> {
        let in_order = |operand: &&Tensor<E>| {
            let operand = operand.try_broadcast_to(self.shape())?;
            operand.compute()?;
            let single = operand.strides().iter().all(|&stride| stride == 0);
            if single { Ok(operand) } else { operand.try_contiguous() }
        };
        let operands: Vec<Tensor<E>> = operands.iter().map(in_order).collect::<Result<_>>()?;
        let inputs = std::array::from_fn(|i| match operands[i].as_slice() {
            Some(elements) => Run::Slice(elements),
            None => Run::Splat(operands[i].iter().next().copied().unwrap_or_default()),
        });
        let mut out = self.output()?;
        drive(inputs, out.as_mut_slice(), f);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wengert_kernels::simd::{Level, with_level};

    use super::*;
    use crate::eval::eval;
    use crate::op::{Cotangents, Op, Vjp};
    use crate::tensor::tests::random_views;
    use crate::testing::{Dense, Domain, Sampler};

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn map_is_a_loop_over_the_elements(seed in any::<u64>()) {
            let (view, mut model) = random_views(seed);
            let f = |x: f64| (x * 1.5 - 0.25).abs();
            model.data.iter_mut().for_each(|x| *x = f(*x));
            prop_assert_eq!(Dense::from(&view.map(f)), model.clone());
            let (mut written, before) = (view.clone(), view.to_vec());
            written.map_in_place(f);
            prop_assert_eq!(Dense::from(&written), model);
            prop_assert_eq!(view.to_vec(), before);
        }

        #[test]
        fn zip_with_is_a_loop_over_the_broadcast_elements(seed in any::<u64>()) {
            let mut s = Sampler::new(seed);
            let (a, b) = s.broadcast_pair();
            let [a, b] = [a, b].map(|shape| {
                let x = s.tensor(&shape, &Domain::REAL);
                s.lay_out(&x)
            });
            let f = |a: f64, b: f64| a * 2.0 - b;
            let expected = Dense::zip(&Dense::from(&a), &Dense::from(&b), f);
            prop_assert_eq!(Dense::from(&a.zip_with(&b, f)), expected.clone());
            let op = Two;
            prop_assert_eq!(Dense::from(&eval(&op, &[&a, &b]).unwrap()), expected.clone());
            prop_assert_eq!(Dense::from(&eval(&InBlocks, &[&a, &b]).unwrap()), expected);
        }
    }

    /// `2 a - b`, as a function of pairs.
    #[derive(Debug)]
    struct Two;

    /// `2 a - b`, as a function of blocks.
    #[derive(Debug)]
    struct InBlocks;

    macro_rules! op {
        ($type:ident, |$inputs:ident, $ctx:ident| $forward:expr) => {
            impl Op<f64> for $type {
                fn name(&self) -> &'static str {
                    stringify!($type)
                }
                fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
                    broadcast("test", inputs)
                }
                fn forward(
                    &self,
                    $inputs: &[&Tensor<f64>],
                    $ctx: &mut Forward<'_, f64>,
                ) -> Result<Tensor<f64>> {
                    $forward
                }
                fn vjp<'t>(&self, _: &Vjp<'_, 't, f64>) -> Result<Cotangents<'t, f64>> {
                    unreachable!("no gradient is requested")
                }
            }
        };
    }

    op!(Two, |x, ctx| ctx.zip(x[0], x[1], |a, b| a * 2.0 - b));
    op!(InBlocks, |x, ctx| ctx.blocks([x[0], x[1]], |[a, b], out| {
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out = a * 2.0 - b;
        }
    }));

    /// A length above a piece that is not a multiple of a block: several threads on every level.
    #[test]
    fn long_slices_have_the_same_bits_on_every_level() {
        let n = 3 * PIECE + BLOCK + 7;
        let x: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37).sin()).collect();
        let f = |x: f32| (x * x + 0.5).sqrt() / (1.0 + x.abs());
        let expected: Vec<f32> = x.iter().map(|&x| f(x)).collect();
        for level in Level::available() {
            let mut out = vec![0.0; n];
            let block = |[x]: [&[f32]; 1], out: &mut [f32]| {
                assert!(x.len() == out.len() && x.len() <= BLOCK);
                for (out, &x) in out.iter_mut().zip(x) {
                    *out = f(x);
                }
            };
            with_level(level, || for_blocks([&x], &mut out, block)).unwrap();
            assert!(out == expected, "{level}");
        }
        let whole = Tensor::from(x);
        assert_eq!(whole.map(f).into_vec(), expected);
        // A strided tensor, and a repeated one.
        let every_other = whole.slice(0, crate::Step::new(.., 2));
        let halves: Vec<f32> = expected.iter().copied().step_by(2).collect();
        assert_eq!(every_other.map(f).into_vec(), halves);
        let repeated = whole.broadcast_to([2, n]).map(f);
        assert_eq!(repeated.strides()[0], 0);
        assert_eq!(repeated.slice(0, 1..).into_vec(), expected);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let panic = std::panic::catch_unwind(|| {
            for_blocks([&[1.0_f32, 2.0], &[1.0]], &mut [0.0; 2], |_, _| ());
        });
        let message = *panic.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("input 1 has 1 elements and the output 2"), "{message}");
        let x = Tensor::from([1.0_f64, 2.0]);
        let error = x.try_zip_with(&Tensor::zeros([3]), |a, _| a).unwrap_err().to_string();
        assert!(error.starts_with("zip_with: expected shapes that broadcast"), "{error}");
        assert_eq!(
            eval(&InBlocks, &[&Tensor::zeros([0, 3]), &Tensor::zeros([3])]).unwrap().len(),
            0
        );
    }

    #[test]
    fn a_panic_of_the_function_leaves_the_tensor_usable() {
        let mut x = Tensor::<f32>::ones([4 * PIECE]);
        x.as_mut_slice()[3 * PIECE] = 2.0;
        let refuse = |x: f32| if x == 2.0 { panic!("two") } else { -x };
        let panic = std::panic::catch_unwind(|| x.map(refuse));
        assert_eq!(*panic.unwrap_err().downcast::<&str>().unwrap(), "two");
        assert_eq!(x.map(|x| x + 1.0).sum().item(), (8 * PIECE + 1) as f32);
    }
}
