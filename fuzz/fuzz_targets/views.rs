//! Programs of views decoded from arbitrary bytes, compared with an index-by-index model: the
//! shape, every element, the copy into row-major order, and the gradient. The model and the tensor
//! refuse the same views, the tensor with a one-line error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wengert_autodiff::{Error, Shape, Step, Tape, Tensor, Var, ops};
use wengert_fuzz::Bytes;

/// Maximum number of elements of a tensor, so that a run has many cases.
const MOST: usize = 1 << 10;

fn sizes(bytes: &mut Bytes<'_>) -> Vec<usize> {
    (0..bytes.below(5)).map(|_| bytes.below(6)).collect()
}

/// The source of each element of a view, in row-major order.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    shape: Vec<usize>,
    places: Vec<usize>,
}

impl Model {
    fn new(shape: &[usize], place: impl Fn(&[usize]) -> usize) -> Self {
        let len: usize = shape.iter().product();
        let index = |mut at: usize| -> Vec<usize> {
            let mut index: Vec<usize> = shape
                .iter()
                .rev()
                .map(|&size| {
                    let i = at % size;
                    at /= size;
                    i
                })
                .collect();
            index.reverse();
            index
        };
        Model { shape: shape.to_vec(), places: (0..len).map(|at| place(&index(at))).collect() }
    }

    fn at(&self, index: &[usize]) -> usize {
        self.places[index.iter().zip(&self.shape).fold(0, |at, (&i, &size)| at * size + i)]
    }

    fn axis(&self, axis: isize) -> Option<usize> {
        let rank = self.shape.len() as i128;
        let axis = axis as i128;
        let own = if axis < 0 { axis + rank } else { axis };
        (0..rank).contains(&own).then_some(own as usize)
    }

    fn permute(&self, order: &[isize]) -> Option<Self> {
        let axes: Vec<usize> = order.iter().map(|&axis| self.axis(axis)).collect::<Option<_>>()?;
        let rank = self.shape.len();
        if axes.len() != rank || (0..rank).any(|axis| !axes.contains(&axis)) {
            return None;
        }
        let shape: Vec<usize> = axes.iter().map(|&axis| self.shape[axis]).collect();
        Some(Self::new(&shape, |index| {
            let mut own = vec![0; rank];
            for (&axis, &i) in axes.iter().zip(index) {
                own[axis] = i;
            }
            self.at(&own)
        }))
    }

    /// A Python slice, by enumerating its positions.
    fn slice(&self, axis: isize, range: Step) -> Option<Self> {
        let axis = self.axis(axis)?;
        let n = self.shape[axis] as i128;
        let step = range.step as i128;
        if step == 0 {
            return None;
        }
        let absolute = |i: isize| if i < 0 { i as i128 + n } else { i as i128 };
        let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
        let bound = |i: Option<isize>, none| i.map_or(none, |i| absolute(i).clamp(low, high));
        let (first, end) = if step > 0 { (0, n) } else { (n - 1, -1) };
        let (mut at, stop) = (bound(range.start, first), bound(range.stop, end));
        let mut picked = Vec::new();
        while if step > 0 { at < stop } else { at > stop } {
            picked.push(at as usize);
            at += step;
        }
        let mut shape = self.shape.clone();
        shape[axis] = picked.len();
        Some(Self::new(&shape, |index| {
            let mut own = index.to_vec();
            own[axis] = picked[index[axis]];
            self.at(&own)
        }))
    }

    fn broadcast(&self, shape: &[usize]) -> Option<Self> {
        let front = shape.len().checked_sub(self.shape.len())?;
        let fits = |(&own, &to): (&usize, &usize)| own == to || own == 1;
        self.shape.iter().zip(&shape[front..]).all(fits).then(|| {
            Self::new(shape, |index| {
                let own = index[front..].iter().zip(&self.shape);
                self.at(&own.map(|(&i, &size)| if size == 1 { 0 } else { i }).collect::<Vec<_>>())
            })
        })
    }

    fn reshape(&self, shape: &[usize]) -> Option<Self> {
        let len: usize = shape.iter().product();
        (len == self.places.len())
            .then(|| Model { shape: shape.to_vec(), places: self.places.clone() })
    }

    fn diagonal(&self, offset: isize) -> Option<Self> {
        let (&[rows, cols], front) = (self.shape.last_chunk()?, self.shape.len() - 2);
        let on = |row: usize| {
            let col = row as i128 + offset as i128;
            (0..cols as i128).contains(&col).then_some([row, col as usize])
        };
        let pairs: Vec<[usize; 2]> = (0..rows).filter_map(on).collect();
        let mut shape = self.shape[..front].to_vec();
        shape.push(pairs.len());
        Some(Self::new(&shape, |index| self.at(&[&index[..front], &pairs[index[front]]].concat())))
    }
}

/// One view of a variable and its model; both refuse it or neither does.
fn turn<'t>(
    bytes: &mut Bytes<'_>,
    x: Var<'t, f64>,
    model: &Model,
) -> (Result<Var<'t, f64>, Error>, Option<Model>) {
    let rank = model.shape.len();
    match bytes.below(7) {
        0 => {
            let order: Vec<isize> =
                (0..bytes.below(rank + 2)).map(|_| bytes.signed(rank)).collect();
            (ops::permute(x, &order), model.permute(&order))
        }
        1 => {
            // A permutation that fits: the order of sorted keys.
            let mut order: Vec<(usize, isize)> =
                (0..rank).map(|axis| (bytes.next(), axis as isize)).collect();
            order.sort_unstable();
            let order: Vec<isize> = order.into_iter().map(|(_, axis)| axis).collect();
            (ops::permute(x, &order), model.permute(&order))
        }
        2 => {
            let axis = bytes.signed(rank);
            let mut bound = || (bytes.below(4) > 0).then(|| bytes.signed(7));
            let (start, stop) = (bound(), bound());
            let range = Step { start, stop, step: bytes.signed(3) };
            (ops::slice(x, axis, range), model.slice(axis, range))
        }
        3 => {
            // Axes of size 1 repeated within the limit, and new leading axes.
            let mut shape: Vec<usize> = (0..bytes.below(2)).map(|_| bytes.below(4)).collect();
            let mut room = MOST;
            let grown = |&size: &usize| {
                let size = if size == 1 && room > 1 { bytes.below(4) } else { size };
                room /= size.max(1);
                size
            };
            shape.extend(model.shape.iter().map(grown).collect::<Vec<_>>());
            (ops::broadcast_to(x, &shape[..]), model.broadcast(&shape))
        }
        4 => {
            let shape = sizes(bytes);
            (ops::reshape(x, &shape[..]), model.reshape(&shape))
        }
        5 => {
            // A shape that fits: axes merged, and axes of size 1 inserted.
            let mut shape: Vec<usize> = Vec::new();
            for &size in &model.shape {
                match shape.last_mut() {
                    Some(last) if bytes.below(2) == 0 => *last *= size,
                    _ => shape.push(size),
                }
                if bytes.below(4) == 0 {
                    shape.push(1);
                }
            }
            (ops::reshape(x, &shape[..]), model.reshape(&shape))
        }
        _ => {
            let offset = bytes.signed(4);
            (ops::diagonal(x, offset), model.diagonal(offset))
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let shape = sizes(&mut bytes);
    if shape.iter().product::<usize>() > MOST {
        return;
    }
    let mut next = -1.0;
    let base = Tensor::from_fn(&shape[..], |_| {
        next += 1.0;
        next
    });
    let tape = Tape::new();
    let leaf = tape.variable(&base);
    let (mut x, mut model) = (leaf, Model::new(&shape, |_| 0));
    model.places = (0..base.len()).collect();
    for _ in 0..bytes.below(12) {
        match turn(&mut bytes, x, &model) {
            (Ok(var), Some(view)) => {
                assert_eq!(var.shape()[..], view.shape, "after {model:?}");
                (x, model) = (var, view);
            }
            (Err(error), None) => {
                let text = error.to_string();
                assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
            }
            (got, expected) => panic!("{got:?}, the model says {expected:?}, after {model:?}"),
        }
        if model.places.len() > MOST {
            return;
        }
    }
    let value = x.value();
    let expected: Vec<f64> = model.places.iter().map(|&place| place as f64).collect();
    assert_eq!(value.to_vec(), expected, "{model:?}");
    assert_eq!(value.contiguous(), value);
    let element = |index: &[usize]| value.get(index).expect("inside the shape");
    assert_eq!(Tensor::from_fn(value.shape(), element).to_vec(), expected);
    // The gradient of each element of the view arrives at the element's source.
    let mut number = 0.0;
    let weights = Tensor::from_fn(Shape::from(&model.shape[..]), |_| {
        number += 1.0;
        number
    });
    let loss = (x * tape.constant(&weights)).sum();
    let mut back = vec![0.0; base.len()];
    for (i, &place) in model.places.iter().enumerate() {
        back[place] += (i + 1) as f64;
    }
    let gradients = loss.try_backward().expect("a number has a gradient");
    let gradient = gradients.get(leaf).map_or(vec![0.0; base.len()], |gradient| gradient.to_vec());
    assert_eq!(gradient, back, "{model:?}");
});
