//! Construction of tensors from data, from a function of the index, and of constant tensors. Random
//! tensors are in `random`, conversions from standard library types in `convert`.

use wengert_kernels::Element;

use super::Tensor;
use crate::error::{Error, Result, expect};
use crate::memory::Handle;
use crate::shape::Shape;

impl<E: Element> Tensor<E> {
    /// A tensor of the elements of `data` in row-major order.
    ///
    /// # Errors
    /// [`Error::Length`] if the length of `data` is not the shape's number of elements, and
    /// [`Error::OutOfMemory`].
    pub fn from_slice(data: &[E], shape: impl Into<Shape>) -> Result<Self> {
        Self::copied_from(data, &shape.into())
    }

    #[inline(never)]
    pub(super) fn copied_from(data: &[E], shape: &Shape) -> Result<Self> {
        check_len::<E>(shape, data.len())?;
        Self::written_by(shape, data.len(), None, |elements| elements.copy_from_slice(data))
    }

    /// A tensor of the elements of `data` in row-major order. It takes over the vector's memory
    /// without a copy; [`into_vec`](Self::into_vec) returns it.
    ///
    /// Memory that this crate allocates is aligned to cache lines, that of a vector usually is not.
    /// Cheap operations (one or two instructions per element) on a few thousand elements in the
    /// first-level cache take up to twice as long on unaligned memory; others take the same time.
    /// [`from_slice`](Self::from_slice) copies into aligned memory.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let data = vec![1.0_f32, 2.0, 3.0, 4.0];
    /// let address = data.as_ptr();
    /// let data = Tensor::from_vec(data, [2, 2])?.into_vec();
    /// assert_eq!(data.as_ptr(), address);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] if the length of `data` is not the shape's number of elements.
    pub fn from_vec(data: Vec<E>, shape: impl Into<Shape>) -> Result<Self> {
        Self::adopted(data, shape.into())
    }

    #[inline(never)]
    pub(super) fn adopted(data: Vec<E>, shape: Shape) -> Result<Self> {
        check_len::<E>(&shape, data.len())?;
        Ok(Self::of(Handle::adopt(data), shape))
    }

    /// A tensor with every element equal to `value`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the shape's size does not fit the address space, and
    /// [`Error::OutOfMemory`].
    pub fn try_full(shape: impl Into<Shape>, value: E) -> Result<Self> {
        Self::filled(&shape.into(), value)
    }

    #[inline(never)]
    pub(super) fn filled(shape: &Shape, value: E) -> Result<Self> {
        let len = shape.checked_len::<E>("tensor")?;
        Self::written_by(shape, len, None, |elements| elements.fill(value))
    }

    /// A tensor with every element equal to `value`.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or there is no memory for the tensor.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: E) -> Self {
        expect(Self::try_full(shape, value))
    }

    /// A tensor of zeros.
    ///
    /// # Errors
    /// Those of [`try_full`](Self::try_full).
    pub fn try_zeros(shape: impl Into<Shape>) -> Result<Self> {
        Self::try_full(shape, E::ZERO)
    }

    /// A tensor of zeros.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or there is no memory for the tensor.
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        expect(Self::try_zeros(shape))
    }

    /// A tensor of ones.
    ///
    /// # Errors
    /// Those of [`try_full`](Self::try_full).
    pub fn try_ones(shape: impl Into<Shape>) -> Result<Self> {
        Self::try_full(shape, E::ONE)
    }

    /// A tensor of ones.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or there is no memory for the tensor.
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>) -> Self {
        expect(Self::try_ones(shape))
    }

    /// A tensor of the shape of `self` with every element equal to `value`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn try_full_like(&self, value: E) -> Result<Self> {
        Self::try_full(self.shape(), value)
    }

    /// A tensor of the shape of `self` with every element equal to `value`.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// let x = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.full_like(7.0), Tensor::from([[7.0, 7.0], [7.0, 7.0]]));
    /// ```
    ///
    /// # Panics
    /// If there is no memory for the tensor.
    #[track_caller]
    pub fn full_like(&self, value: E) -> Self {
        expect(self.try_full_like(value))
    }

    /// A tensor of zeros of the shape of `self`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn try_zeros_like(&self) -> Result<Self> {
        self.try_full_like(E::ZERO)
    }

    /// A tensor of zeros of the shape of `self`.
    ///
    /// # Panics
    /// If there is no memory for the tensor.
    #[track_caller]
    pub fn zeros_like(&self) -> Self {
        expect(self.try_zeros_like())
    }

    /// A tensor of ones of the shape of `self`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn try_ones_like(&self) -> Result<Self> {
        self.try_full_like(E::ONE)
    }

    /// A tensor of ones of the shape of `self`.
    ///
    /// # Panics
    /// If there is no memory for the tensor.
    #[track_caller]
    pub fn ones_like(&self) -> Self {
        expect(self.try_ones_like())
    }

    /// A tensor of rank 0 with this element.
    pub fn scalar(value: E) -> Self {
        Self::single(Shape::scalar(), value)
    }

    /// A tensor whose element at each index is the result of `f`, which is called in row-major
    /// order.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the shape's size does not fit the address space, and
    /// [`Error::OutOfMemory`].
    pub fn try_from_fn(shape: impl Into<Shape>, mut f: impl FnMut(&[usize]) -> E) -> Result<Self> {
        let shape = shape.into();
        let mut index = vec![0; shape.rank()];
        Self::generated(&shape, || {
            let element = f(&index);
            shape.advance(&mut index);
            element
        })
    }

    /// A tensor whose element at each index is the result of `f`, which is called in row-major
    /// order.
    ///
    /// # Panics
    /// If the shape's size does not fit the address space, or there is no memory for the tensor.
    #[track_caller]
    pub fn from_fn(shape: impl Into<Shape>, f: impl FnMut(&[usize]) -> E) -> Self {
        expect(Self::try_from_fn(shape, f))
    }

    /// A tensor of the results of `next`, in row-major order.
    pub(super) fn generated(shape: &Shape, mut next: impl FnMut() -> E) -> Result<Self> {
        let len = shape.checked_len::<E>("tensor")?;
        Self::written_by(shape, len, None, |elements| {
            for element in elements {
                *element = next();
            }
        })
    }

    /// The numbers `start + i step` for `i = 0, 1, ...` up to `end`, which is excluded. They are
    /// computed in f64 and rounded to the element type. The tensor is empty if `end` is not in the
    /// direction of the step.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// assert_eq!(Tensor::arange(0.0_f32, 2.0, 0.5)?.to_vec(), [0.0, 0.5, 1.0, 1.5]);
    /// assert_eq!(Tensor::arange(3.0_f32, 0.0, -1.0)?.to_vec(), [3.0, 2.0, 1.0]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] if a number is not finite or the step is zero, [`Error::TooLarge`], and
    /// [`Error::OutOfMemory`].
    #[inline(never)]
    pub fn arange(start: E, end: E, step: E) -> Result<Self> {
        let op = "arange";
        let [first, last, by] = [start, end, step].map(E::to_f64);
        if ![first, last, by].iter().all(|x| x.is_finite()) || by == 0.0 {
            let message = format!(
                "start, end and step must be finite and the step not zero, got {start}, {end} and \
                 {step}"
            );
            return Err(Error::Argument { op, message });
        }
        let at = |i: usize| first + i as f64 * by;
        // The cast gives 0 for a negative quotient.
        let mut count = ((last - first) / by).ceil() as usize;
        Shape::from([count]).checked_len::<E>(op)?;
        // The rounded quotient may count a number at the end, or miss the last one before it.
        if count > 0 && (at(count - 1) - last) * by.signum() >= 0.0 {
            count -= 1;
        } else if (at(count) - last) * by.signum() < 0.0 {
            count += 1;
        }
        let mut i = 0;
        let tensor = Self::generated(&Shape::from([count]), || {
            i += 1;
            E::from_f64(at(i - 1))
        });
        tensor.map_err(|error| error.of_op(op))
    }

    /// `count` evenly spaced numbers from `start` to `end`, both included. Each is computed in f64
    /// from the nearer end and rounded. A `count` of 1 gives `start`.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// assert_eq!(Tensor::linspace(-1.0_f32, 1.0, 5)?.to_vec(), [-1.0, -0.5, 0.0, 0.5, 1.0]);
    /// # Ok::<(), wengert_autodiff::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] if an end is not finite, [`Error::TooLarge`], and
    /// [`Error::OutOfMemory`].
    #[inline(never)]
    pub fn linspace(start: E, end: E, count: usize) -> Result<Self> {
        let op = "linspace";
        let [first, last] = [start, end].map(E::to_f64);
        if !first.is_finite() || !last.is_finite() {
            let message = format!("the ends must be finite, got {start} and {end}");
            return Err(Error::Argument { op, message });
        }
        let steps = count.saturating_sub(1).max(1);
        // Halved so that the difference of the ends does not overflow f64.
        let half_step = (last / 2.0 - first / 2.0) / steps as f64;
        let mut i = 0;
        let tensor = Self::generated(&Shape::from([count]), || {
            let (below, above) = (i as f64, steps.saturating_sub(i) as f64);
            i += 1;
            E::from_f64(if below <= above {
                first + half_step * below + half_step * below
            } else {
                last - half_step * above - half_step * above
            })
        });
        tensor.map_err(|error| error.of_op(op))
    }

    /// The identity matrix: ones on the diagonal, zeros elsewhere.
    ///
    /// # Shapes
    /// The result is `[n, n]`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the size does not fit the address space, and [`Error::OutOfMemory`].
    #[inline(never)]
    pub fn try_eye(n: usize) -> Result<Self> {
        let shape = Shape::from([n, n]);
        let len = shape.checked_len::<E>("eye")?;
        let tensor = Self::written_by(&shape, len, None, |elements| {
            elements.fill(E::ZERO);
            for element in elements.iter_mut().step_by(n + 1) {
                *element = E::ONE;
            }
        });
        tensor.map_err(|error| error.of_op("eye"))
    }

    /// The identity matrix: ones on the diagonal, zeros elsewhere.
    ///
    /// ```
    /// use wengert_autodiff::Tensor;
    /// assert_eq!(Tensor::<f32>::eye(2), Tensor::from([[1.0, 0.0], [0.0, 1.0]]));
    /// ```
    ///
    /// # Shapes
    /// The result is `[n, n]`.
    ///
    /// # Panics
    /// If the size does not fit the address space, or there is no memory for the tensor.
    #[track_caller]
    pub fn eye(n: usize) -> Self {
        expect(Self::try_eye(n))
    }
}

/// Returns an error unless the number of elements is that of the shape.
pub(super) fn check_len<E>(shape: &Shape, got: usize) -> Result<()> {
    if shape.checked_len::<E>("tensor")? == got {
        Ok(())
    } else {
        Err(Error::Length { shape: shape.clone(), got })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_range_holds_the_multiples_of_the_step_before_its_end(
            start in -50..50_i32, end in -50..50_i32, step in -7..7_i32
        ) {
            prop_assume!(step != 0);
            // Eighths are exact, so that the end is excluded exactly.
            let eighth = |n: i32| n as f32 / 8.0;
            let got = Tensor::arange(eighth(start), eighth(end), eighth(step)).unwrap().into_vec();
            let mut want = Vec::new();
            let mut n = start;
            while if step > 0 { n < end } else { n > end } {
                want.push(eighth(n));
                n += step;
            }
            prop_assert_eq!(got, want);
        }

        #[test]
        fn points_between_ends_are_within_an_ulp_and_in_order(
            start in -1e3..1e3_f32, end in -1e3..1e3_f32, count in 0..40_usize
        ) {
            let got = Tensor::linspace(start, end, count).unwrap().into_vec();
            prop_assert_eq!(got.len(), count);
            let (first, last) = (f64::from(start), f64::from(end));
            for (i, &x) in got.iter().enumerate() {
                let t = i as f64 / (count.max(2) - 1) as f64;
                let want = first * (1.0 - t) + last * t;
                prop_assert!((f64::from(x) - want).abs() <= 2e-7 * first.abs().max(last.abs()));
            }
            prop_assert_eq!(got.first().copied(), (count > 0).then_some(start));
            prop_assert!(count < 2 || got.last() == Some(&end));
            let in_order = got.is_sorted_by(|a, b| if start <= end { a <= b } else { a >= b });
            prop_assert!(in_order, "{:?}", got);
        }
    }

    #[test]
    fn ranges_at_the_edges() {
        assert_eq!(Tensor::arange(0.0_f64, 1.0, 0.1).unwrap().len(), 10);
        assert_eq!(Tensor::arange(1.0_f64, 1.3, 0.1).unwrap().to_vec(), [1.0, 1.1, 1.2]);
        assert!(Tensor::arange(1.0_f32, 0.0, 1.0).unwrap().is_empty());
        // The quotient rounds down to 3, and 3 * 0.1 lies before the end.
        let end = 0.30000000000000010_f64;
        let range = Tensor::arange(0.0, end, 0.1).unwrap().to_vec();
        assert_eq!(range.len(), (0..9).filter(|&i| f64::from(i) * 0.1 < end).count());
        assert!(Tensor::arange(1.0_f32, 1.0, 1.0).unwrap().is_empty());
        let huge = f64::MAX;
        assert_eq!(Tensor::linspace(-huge, huge, 3).unwrap().to_vec(), [-huge, 0.0, huge]);
        for (error, part) in [
            (Tensor::arange(0.0_f32, 1.0, 0.0), "the step not zero, got 0, 1 and 0"),
            (Tensor::arange(0.0_f32, f32::NAN, 1.0), "must be finite"),
            (Tensor::arange(0.0_f32, 1.0, 1e-38), "arange: the shape"),
            (Tensor::linspace(f32::INFINITY, 1.0, 3), "the ends must be finite, got inf and 1"),
            (Tensor::linspace(0.0_f32, 1.0, usize::MAX), "too large"),
            (Tensor::<f32>::try_eye(1 << 40), "eye: the shape"),
            (Tensor::try_full([usize::MAX, 2], 1.0_f32), "too large"),
        ] {
            let error = error.unwrap_err().to_string();
            assert!(error.contains(part), "{error:?} does not say {part:?}");
        }
    }

    #[test]
    fn constant_tensors_and_the_identity() {
        let eye = Tensor::<f64>::eye(3);
        assert_eq!(eye, Tensor::from_fn([3, 3], |i| if i[0] == i[1] { 1.0 } else { 0.0 }));
        assert_eq!(
            (Tensor::<f64>::eye(0).shape(), Tensor::<f64>::eye(1).item()),
            (&Shape::from([0, 0]), 1.0)
        );
        let x = Tensor::<f32>::from_fn([2, 3], |i| i[0] as f32).t();
        assert_eq!(x.zeros_like(), Tensor::zeros([3, 2]));
        assert_eq!(x.ones_like(), Tensor::ones([3, 2]));
        assert_eq!(x.full_like(2.5), Tensor::full([3, 2], 2.5));
    }
}
