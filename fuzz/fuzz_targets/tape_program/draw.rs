//! Numbers, axes, shapes and operands decoded from bytes: most of them valid, some of them not.

use wengert_autodiff::{Index, Mask, Shape, Tensor};

use crate::program::Operand;

/// Maximum number of elements of an input, so that differences take little time.
const MOST: usize = 18;

/// Elements at which functions have kinks, jumps or poles, and pairs that are close.
const SPECIAL: [f64; 24] = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 6.0, 1.5, -1.5, 2.5, 1e-3, -1e-3, 1e-9,
    -1e-9, 0.25, 0.1, -0.1, 1.0, 0.0, 10.0,
];

/// Options outside most domains.
const WRONG: [f64; 6] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 2.0];

/// Sizes that no value has.
const WRONG_SIZES: [usize; 4] = [0, 7, 1 << 62, usize::MAX];

/// A decoder of bytes, zeros after their end, and the shapes of the values so far.
pub struct Draw<'a> {
    bytes: &'a [u8],
    pub shapes: Vec<Shape>,
}

impl<'a> Draw<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Draw { bytes, shapes: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn next(&mut self) -> usize {
        match self.bytes.split_first() {
            Some((&first, rest)) => {
                self.bytes = rest;
                usize::from(first)
            }
            None => 0,
        }
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.next() % n
    }

    pub fn flag(&mut self) -> bool {
        self.next() % 2 == 1
    }

    /// True once in 32 times.
    pub fn seldom(&mut self) -> bool {
        self.next() % 32 == 31
    }

    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// An element: any, or one at which functions have kinks or jumps.
    pub fn element(&mut self, special: bool) -> f64 {
        let byte = self.next();
        if special {
            return SPECIAL[byte % SPECIAL.len()];
        }
        // All are distinct, and none is at a kink.
        (byte as f64 - 127.3) / 53.7
    }

    /// An option that is nearly always positive.
    pub fn option(&mut self) -> f64 {
        if self.seldom() { self.of(&WRONG) } else { self.of(&[0.3, 1.0, 0.05, 0.7, 1.9, 0.5]) }
    }

    /// A number to add to a variance.
    pub fn eps(&mut self) -> f64 {
        if self.seldom() { self.of(&WRONG) } else { self.of(&[1e-5, 1e-2, 0.4]) }
    }

    /// A number of any sign.
    pub fn number(&mut self) -> f64 {
        let special = self.flag();
        self.element(special)
    }

    /// A small number, not below `least`.
    pub fn small(&mut self, least: usize, end: usize) -> usize {
        if self.seldom() { self.of(&WRONG_SIZES) } else { least + self.below(end - least) }
    }

    /// An axis of a shape with `rank` axes.
    pub fn axis(&mut self, rank: usize) -> isize {
        if rank == 0 || self.seldom() {
            return self.of(&[0, -1, rank as isize, -(rank as isize) - 1, isize::MAX, isize::MIN]);
        }
        self.below(2 * rank) as isize - rank as isize
    }

    /// Some axes of a shape with `rank` axes.
    pub fn axes(&mut self, rank: usize) -> Vec<isize> {
        if self.seldom() {
            return (0..self.below(4)).map(|_| self.axis(rank)).collect();
        }
        let bits = self.next();
        let axes = (0..rank).filter(|axis| bits >> axis & 1 == 1);
        let negative = bits >= 128;
        axes.map(|axis| axis as isize - if negative { rank as isize } else { 0 }).collect()
    }

    /// A number around zero; rarely one at an end of the range.
    pub fn offset(&mut self, reach: usize) -> isize {
        if self.seldom() {
            return self.of(&[isize::MAX, isize::MIN, isize::MAX / 2, 7]);
        }
        self.below(2 * reach + 1) as isize - reach as isize
    }

    /// Sizes from 1 to 3, rarely 0.
    pub fn sizes(&mut self, rank: usize) -> Vec<usize> {
        (0..rank).map(|_| if self.seldom() { 0 } else { 1 + self.below(3) }).collect()
    }

    /// The sizes of any shape, which need not be that of a value.
    pub fn shape(&mut self) -> Vec<usize> {
        (0..self.below(5)).map(|_| self.small(0, 4)).collect()
    }

    /// The sizes of an input, from 0 to 3, with few elements in all.
    pub fn input_shape(&mut self) -> Vec<usize> {
        let mut shape: Vec<usize> =
            (0..self.below(5)).map(|_| self.of(&[2, 3, 1, 2, 3, 2, 1, 0])).collect();
        while shape.iter().product::<usize>() > MOST {
            let largest = shape.iter().position(|&size| size > 1).expect("more elements than one");
            shape[largest] = 1;
        }
        shape
    }

    /// A tensor in the layout of a view: contiguous, transposed, with a step of two, reversed, or
    /// repeated.
    pub fn tensor(&mut self, shape: &[usize]) -> Tensor<f64> {
        let special = self.below(3) == 0;
        let layout = self.below(8);
        let rank = shape.len();
        let mut filled = |shape: &[usize]| Tensor::from_fn(shape, |_| self.element(special));
        match layout {
            1 if rank > 1 => {
                let order: Vec<isize> = (0..rank as isize).rev().collect();
                let reversed: Vec<usize> = shape.iter().rev().copied().collect();
                filled(&reversed).permute(&order)
            }
            2 if rank > 1 => {
                let mut swapped = shape.to_vec();
                swapped.swap(0, rank - 1);
                filled(&swapped).transpose(0, -1)
            }
            3 | 4 if rank > 0 => {
                let axis = (layout + rank) % rank;
                let mut longer = shape.to_vec();
                longer[axis] = 2 * shape[axis] + 1;
                let step = if layout == 3 { 2 } else { -2 };
                let range = wengert_autodiff::Step {
                    start: Some(if layout == 3 { 1 } else { -2 }),
                    stop: None,
                    step,
                };
                filled(&longer).slice(axis as isize, range)
            }
            5 if rank > 0 => {
                let mut one = shape.to_vec();
                one[layout % rank] = 1;
                filled(&one).broadcast_to(shape)
            }
            _ => filled(shape),
        }
    }

    /// One of the values, and its shape; in half of the cases the latest value.
    pub fn any(&mut self) -> (Operand, Shape) {
        let byte = self.next();
        let value = if byte < 128 { self.shapes.len() - 1 } else { byte % self.shapes.len() };
        (Operand { value, fit: None }, self.shapes[value].clone())
    }

    /// A value adapted to a shape; rarely one as it is.
    pub fn like(&mut self, shape: impl Into<Shape>) -> Operand {
        let shape = shape.into();
        let transposed = self.below(4) == 3;
        let (operand, own) = self.any();
        let filled = own.numel() > 0 && shape.numel() < 256 || shape.numel() == 0;
        if own == shape && !transposed || !filled || self.seldom() {
            return operand;
        }
        Operand { fit: Some((shape, transposed)), ..operand }
    }

    /// A value of at least `least` axes; rarely of fewer.
    pub fn ranked(&mut self, least: usize) -> (Operand, Shape) {
        let (operand, own) = self.any();
        if own.rank() >= least || self.seldom() {
            return (operand, own);
        }
        let front = self.below(2);
        let shape = Shape::from(self.sizes(least + front));
        self.fitted(shape)
    }

    /// A value adapted to a shape, and its shape afterwards.
    pub fn fitted(&mut self, shape: impl Into<Shape>) -> (Operand, Shape) {
        let operand = self.like(shape);
        let shape = match &operand.fit {
            Some((shape, _)) => shape.clone(),
            None => self.shapes[operand.value].clone(),
        };
        (operand, shape)
    }

    /// A shape that broadcasts with another.
    pub fn broadcasting(&mut self, shape: &Shape) -> Shape {
        let front = self.below(shape.rank().max(1));
        let skip = if self.below(3) == 0 { front } else { 0 };
        shape.iter().skip(skip).map(|&size| if self.below(4) == 0 { 1 } else { size }).collect()
    }

    /// Positions along an axis of the given size.
    pub fn index(&mut self, shape: &[usize], size: usize) -> Index {
        Index::from_fn(shape, |_| if self.seldom() { size } else { self.below(size.max(1)) })
    }

    /// Labels below `classes` for the given number of rows.
    pub fn labels(&mut self, rows: usize, classes: usize) -> Vec<usize> {
        let rows = if self.seldom() { rows + 1 } else { rows };
        (0..rows)
            .map(|_| if self.seldom() { classes } else { self.below(classes.max(1)) })
            .collect()
    }

    pub fn mask(&mut self, shape: &Shape) -> Mask {
        Mask::from_fn(shape, |_| self.flag())
    }
}
