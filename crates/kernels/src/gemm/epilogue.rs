//! The bias and the activation after a product, on a piece of C that was just written and is still
//! in the nearest cache.

use super::output::Output;
use super::tile::Addend;
use crate::Float;
use crate::activation::{self, Activation};
use crate::simd::{Kernel, Lanes, MAX_LANES, Simd};
use crate::slices::{Source, VectorFn};

/// A vector added to C, the same for every column or for every row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Bias<'a, E> {
    /// No bias.
    #[default]
    None,
    /// `bias[i]` is added to every element of row i; it has as many elements as C has rows.
    PerRow(&'a [E]),
    /// `bias[j]` is added to every element of column j; it has as many elements as C has columns.
    PerColumn(&'a [E]),
}

/// The last step of a product, before its elements leave the cache: a bias is added to
/// `alpha A B + beta C`, then an activation applied. The default does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Epilogue<'a, E> {
    /// The bias.
    pub bias: Bias<'a, E>,
    /// The activation.
    pub activation: Activation,
}

impl<E: Float> Epilogue<'_, E> {
    /// The same, once it is known that it can be computed.
    ///
    /// # Panics
    /// If a number of the activation is outside its domain.
    #[inline(always)]
    #[track_caller]
    pub(super) fn checked(self) -> Self {
        if self.activation == Activation::Identity {
            return self;
        }
        Epilogue { activation: activation::checked::<E>(self.activation), ..self }
    }

    /// Whether nothing is to be done.
    #[inline(always)]
    pub(super) fn is_none(&self) -> bool {
        matches!((self.bias, self.activation), (Bias::None, Activation::Identity))
    }

    /// The bias, for a tile to add.
    #[inline(always)]
    pub(super) fn addend(&self) -> Addend<E> {
        match self.bias {
            Bias::None => Addend::None,
            Bias::PerRow(bias) => Addend::PerRow(bias.as_ptr()),
            Bias::PerColumn(bias) => Addend::PerColumn(bias.as_ptr()),
        }
    }

    /// What is left of it when tiles have added the bias.
    #[inline(always)]
    pub(super) fn after_bias(&self) -> Self {
        Epilogue { bias: Bias::None, ..*self }
    }

    /// The epilogue of a part of C.
    #[inline(always)]
    pub(crate) fn part(self, row: usize, rows: usize, col: usize, cols: usize) -> Self {
        let bias = match self.bias {
            Bias::None => Bias::None,
            Bias::PerRow(bias) => Bias::PerRow(&bias[row..row + rows]),
            Bias::PerColumn(bias) => Bias::PerColumn(&bias[col..col + cols]),
        };
        Epilogue { bias, ..self }
    }
}

/// Applies `epilogue` to `rows` x `cols` elements of C.
///
/// # Safety
/// The elements must be readable and writable, by this thread alone.
#[inline(never)]
pub(super) unsafe fn finish<E: Float, S: Simd>(
    simd: S,
    c: Output<E>,
    rows: usize,
    cols: usize,
    epilogue: &Epilogue<'_, E>,
) {
    // SAFETY: the contract of this function is that of `Finish::new`.
    simd.vectorize(unsafe { Finish::new(c, (rows, cols), epilogue) });
}

struct Finish<'a, E> {
    c: Output<E>,
    rows: usize,
    cols: usize,
    epilogue: &'a Epilogue<'a, E>,
}

impl<'a, E> Finish<'a, E> {
    /// # Safety
    /// While it runs, `rows` x `cols` elements of C must be readable and writable by this thread
    /// alone.
    unsafe fn new(
        c: Output<E>,
        (rows, cols): (usize, usize),
        epilogue: &'a Epilogue<'a, E>,
    ) -> Self {
        Self { c, rows, cols, epilogue }
    }
}

impl<E: Float> Kernel for Finish<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // SAFETY: `new` states that the elements of C may be accessed.
        unsafe {
            match self.epilogue.activation {
                Activation::Identity => self.rows(simd, activation::Identity),
                Activation::Relu => self.rows(simd, activation::Relu),
                Activation::LeakyRelu { slope } => {
                    self.rows(simd, activation::LeakyRelu::new(slope));
                }
                // Functions with a body of their own are compiled once, as slice kernels.
                act => {
                    if self.epilogue.bias != Bias::None {
                        self.rows(simd, activation::Identity);
                    }
                    let one_row = self.c.col_stride == 1 && self.c.row_stride == self.cols as isize;
                    let (rows, cols) =
                        if one_row { (1, self.rows * self.cols) } else { (self.rows, self.cols) };
                    for i in 0..rows {
                        activate_row(simd, act, self.c.at(i, 0), cols);
                    }
                }
            }
        }
    }
}

/// Applies an activation to `cols` elements along a row of C.
///
/// # Safety
/// They must be readable and writable, by this thread alone.
#[inline(never)]
unsafe fn activate_row<E: Float, S: Simd>(simd: S, act: Activation, row: Output<E>, cols: usize) {
    let apply = |ptr: *mut E, len: usize| {
        // SAFETY: `ptr` is the row, or the buffer, of at least `len` elements.
        simd.vectorize(unsafe { activation::Forward::new(act, Source::at_ptr(ptr), ptr, len) });
    };
    if row.col_stride == 1 {
        return apply(row.ptr, cols);
    }
    let mut buffer = [E::ZERO; 4 * MAX_LANES];
    for start in (0..cols).step_by(buffer.len()) {
        let count = buffer.len().min(cols - start);
        // SAFETY: the elements lie in the row.
        unsafe {
            for (j, value) in buffer[..count].iter_mut().enumerate() {
                *value = row.at(0, start + j).ptr.read();
            }
            apply(buffer.as_mut_ptr(), count);
            for (j, &value) in buffer[..count].iter().enumerate() {
                row.at(0, start + j).ptr.write(value);
            }
        }
    }
}

impl<E: Float> Finish<'_, E> {
    /// # Safety
    /// The elements of C must be readable and writable.
    #[inline(always)]
    unsafe fn rows<S: Simd, F: VectorFn<E>>(&self, simd: S, function: F) {
        let lanes = E::Vector::<S>::LANES;
        for i in 0..self.rows {
            let per_row = match self.epilogue.bias {
                Bias::PerRow(bias) => bias[i],
                _ => E::ZERO,
            };
            let per_row = E::Vector::<S>::splat(simd, per_row);
            let mut j = 0;
            while j < self.cols {
                let count = lanes.min(self.cols - j);
                let place = self.c.at(i, j);
                // SAFETY: `count` elements from here on lie in this row of C, and of the bias.
                unsafe {
                    let mut value = load(simd, place, count);
                    match self.epilogue.bias {
                        Bias::None => {}
                        Bias::PerRow(_) => value = value + per_row,
                        Bias::PerColumn(bias) => {
                            let from = bias.as_ptr().add(j);
                            value = value
                                + if count == lanes {
                                    E::Vector::<S>::load_ptr(simd, from)
                                } else {
                                    E::Vector::<S>::load_partial_ptr(simd, from, count)
                                };
                        }
                    }
                    store(function.eval(value), place, count);
                }
                j += count;
            }
        }
    }
}

/// Reads `count` elements along a row of C.
///
/// # Safety
/// They must be readable.
#[inline(always)]
unsafe fn load<E: Float, S: Simd>(simd: S, from: Output<E>, count: usize) -> E::Vector<S> {
    let lanes = E::Vector::<S>::LANES;
    // SAFETY: `count` elements follow `from` in its row, by this function's contract.
    unsafe {
        match (from.col_stride, count == lanes) {
            (1, true) => E::Vector::<S>::load_ptr(simd, from.ptr),
            (1, false) => E::Vector::<S>::load_partial_ptr(simd, from.ptr, count),
            _ => {
                let mut buffer = [E::ZERO; MAX_LANES];
                for (j, value) in buffer[..count].iter_mut().enumerate() {
                    *value = from.at(0, j).ptr.read();
                }
                E::Vector::<S>::load_ptr(simd, buffer.as_ptr())
            }
        }
    }
}

/// Writes the first `count` lanes along a row of C.
///
/// # Safety
/// They must be writable.
#[inline(always)]
unsafe fn store<E: Float, V: Lanes<Elem = E>>(value: V, to: Output<E>, count: usize) {
    // SAFETY: `count` elements follow `to` in its row, by this function's contract.
    unsafe {
        match (to.col_stride, count == V::LANES) {
            (1, true) => value.store_ptr(to.ptr),
            (1, false) => value.store_partial_ptr(to.ptr, count),
            _ => {
                let mut buffer = [E::ZERO; MAX_LANES];
                value.store_ptr(buffer.as_mut_ptr());
                for (j, &value) in buffer[..count].iter().enumerate() {
                    to.at(0, j).ptr.write(value);
                }
            }
        }
    }
}
