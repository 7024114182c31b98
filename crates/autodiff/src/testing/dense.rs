//! The oracle of the tests: row-major arrays in f64, computed index by index.

use crate::tensor::Tensor;
use crate::tensor::view::Step;

/// A row-major array of f64 for naive reference computations.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// The sizes along the axes.
    pub shape: Vec<usize>,
    /// The elements in row-major order.
    pub data: Vec<f64>,
}

/// All indices of a shape in row-major order.
fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &dim in shape {
        all = all
            .iter()
            .flat_map(|front| (0..dim).map(move |i| [&front[..], &[i]].concat()))
            .collect();
    }
    all
}

impl Dense {
    /// An array whose element at each index is the result of `f`.
    pub fn from_fn(shape: &[usize], f: impl FnMut(Vec<usize>) -> f64) -> Self {
        Dense { shape: shape.to_vec(), data: indices(shape).into_iter().map(f).collect() }
    }

    /// An array of zeros.
    pub fn zeros(shape: &[usize]) -> Self {
        Self::from_fn(shape, |_| 0.0)
    }

    /// The element at an index. Indices broadcast: missing leading axes are ignored, axes of size 1
    /// repeat.
    ///
    /// # Panics
    /// If there is no element at the index.
    pub fn at(&self, index: &[usize]) -> f64 {
        let own = &index[index.len() - self.shape.len()..];
        let place = own.iter().zip(&self.shape).fold(0, |place, (&i, &dim)| {
            let i = if dim == 1 { 0 } else { i };
            assert!(i < dim, "the index {index:?} lies outside {:?}", self.shape);
            place * dim + i
        });
        self.data[place]
    }

    /// The results of `f` for each element.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Dense { shape: self.shape.clone(), data: self.data.iter().map(|&x| f(x)).collect() }
    }

    /// The results of `f` for each pair of elements; the shapes broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    pub fn zip(a: &Self, b: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let shape = broadcast(&a.shape, &b.shape);
        Self::from_fn(&shape, |index| f(a.at(&index), b.at(&index)))
    }

    /// The results of `f` for each row (along the last axis).
    pub fn map_rows(&self, f: impl FnMut(&[f64]) -> Vec<f64>) -> Self {
        let cols = self.shape.last().copied().unwrap_or(1).max(1);
        let data = self.data.chunks(cols).flat_map(f).collect();
        Dense { shape: self.shape.clone(), data }
    }

    /// The results of `f` for each list of elements that differ only in their positions along
    /// `axes`.
    pub fn reduce(&self, axes: &[isize], keep: bool, f: impl Fn(&[f64]) -> f64) -> Self {
        let rank = self.shape.len();
        let named = |axis: usize| {
            axes.iter().any(|&a| a == axis as isize || a + rank as isize == axis as isize)
        };
        let kept: Vec<usize> =
            self.shape.iter().enumerate().map(|(i, &d)| if named(i) { 1 } else { d }).collect();
        let data = indices(&kept)
            .into_iter()
            .map(|kept_index| {
                let group: Vec<f64> = indices(&self.shape)
                    .into_iter()
                    .filter(|index| (0..rank).all(|i| named(i) || index[i] == kept_index[i]))
                    .map(|index| self.at(&index))
                    .collect();
                f(&group)
            })
            .collect();
        let shape = if keep {
            kept
        } else {
            (0..rank).filter(|&i| !named(i)).map(|i| self.shape[i]).collect()
        };
        Dense { shape, data }
    }

    /// For each element the result of `f` for it and all elements before it along an axis, or after
    /// it with `reverse`.
    pub fn scanned(&self, axis: usize, reverse: bool, f: impl Fn(&[f64]) -> f64) -> Self {
        Self::from_fn(&self.shape, |index| {
            let here = index[axis];
            let range = if reverse { here..self.shape[axis] } else { 0..here + 1 };
            let values: Vec<f64> = range
                .map(|i| {
                    let mut index = index.clone();
                    index[axis] = i;
                    self.at(&index)
                })
                .collect();
            f(&values)
        })
    }

    /// The array summed to a shape that broadcasts to the shape of the array.
    pub fn sum_to(&self, shape: &[usize]) -> Self {
        let mut out = Self::zeros(shape);
        for index in indices(&self.shape) {
            let own = &index[index.len() - shape.len()..];
            let place = own
                .iter()
                .zip(shape)
                .fold(0, |place, (&i, &dim)| place * dim + if dim == 1 { 0 } else { i });
            out.data[place] += self.at(&index);
        }
        out
    }

    /// The array with the elements of another one added. `place` turns the index of an element of
    /// `other` into the index in this array.
    ///
    /// # Panics
    /// If there is no element at such an index.
    pub fn with_added(mut self, other: &Self, place: impl Fn(&mut Vec<usize>)) -> Self {
        for (mut index, &value) in indices(&other.shape).into_iter().zip(&other.data) {
            place(&mut index);
            assert_eq!(index.len(), self.shape.len(), "a place has an index an axis");
            let at = index.iter().zip(&self.shape).fold(0, |at, (&i, &dim)| {
                assert!(i < dim, "the place {index:?} lies outside {:?}", self.shape);
                at * dim + i
            });
            self.data[at] += value;
        }
        self
    }

    /// The matrix product over the last two axes, the others broadcasting.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn matmul(a: &Self, b: &Self) -> Self {
        let (a_rank, b_rank) = (a.shape.len(), b.shape.len());
        let (m, k, n) = (a.shape[a_rank - 2], a.shape[a_rank - 1], b.shape[b_rank - 1]);
        assert_eq!(k, b.shape[b_rank - 2], "inner sizes agree");
        let mut shape = broadcast(&a.shape[..a_rank - 2], &b.shape[..b_rank - 2]);
        shape.extend([m, n]);
        Self::from_fn(&shape, |index| {
            let (batch, place) = index.split_at(index.len() - 2);
            let at = |x: &Self, row: usize, col: usize| x.at(&[batch, &[row, col]].concat());
            (0..k).map(|i| at(a, place[0], i) * at(b, i, place[1])).sum()
        })
    }

    /// Einstein summation over all labels at once.
    ///
    /// # Panics
    /// If the equation does not fit the operands.
    pub fn einsum(equation: &str, operands: &[Self]) -> Self {
        // The axes of an ellipsis get names that are not letters, counted from the last axis.
        let nameless = |axis: usize| char::from_u32(0xe000 + axis as u32).expect("for private use");
        let expand = |term: &str, count: usize| -> Vec<char> {
            let names: String = (0..count).rev().map(nameless).collect();
            term.replace("...", &names).chars().collect()
        };
        let equation = equation.replace(' ', "");
        let (inputs, output) = match equation.split_once("->") {
            Some((inputs, output)) => (inputs, Some(output)),
            None => (&equation[..], None),
        };
        let terms: Vec<&str> = inputs.split(',').collect();
        assert_eq!(terms.len(), operands.len(), "a term is for an operand");
        let count = |term: &str, operand: &Self| {
            operand.shape.len() - term.replace("...", "").chars().count()
        };
        let counts = terms.iter().zip(operands).map(|(term, operand)| count(term, operand));
        let most = counts.clone().max().unwrap_or(0);
        let inputs: Vec<Vec<char>> =
            terms.iter().zip(counts).map(|(term, count)| expand(term, count)).collect();
        let all: Vec<char> = inputs.iter().flatten().copied().collect();
        let output = if let Some(output) = output {
            expand(output, most)
        } else {
            let mut once: Vec<char> = terms.concat().replace("...", "").chars().collect();
            once.retain(|name| all.iter().filter(|&other| other == name).count() == 1);
            once.sort_unstable();
            (0..most).rev().map(nameless).chain(once).collect()
        };
        // The labels that are summed over follow those of the output.
        let mut labels = output.clone();
        labels.extend(all);
        let mut seen = Vec::new();
        labels.retain(|&label| {
            !seen.contains(&label) && {
                seen.push(label);
                true
            }
        });
        let sizes: Vec<usize> = labels
            .iter()
            .map(|label| {
                let own = |(names, x): (&Vec<char>, &Self)| {
                    names.iter().position(|name| name == label).map(|axis| x.shape[axis])
                };
                let mut sizes = inputs.iter().zip(operands).filter_map(own);
                let first = sizes.next().unwrap_or(1);
                sizes.fold(first, |size, other| if size == 1 { other } else { size })
            })
            .collect();
        let (kept, summed) = sizes.split_at(output.len());
        let summed = indices(summed);
        Self::from_fn(kept, |front| {
            let of = |back: &Vec<usize>| {
                let index = [&front[..], back].concat();
                let factors = inputs.iter().zip(operands).map(|(names, operand)| {
                    let place = |name| labels.iter().position(|label| label == name);
                    let own = names.iter().filter_map(|name| place(name).map(|i| index[i]));
                    operand.at(&own.collect::<Vec<_>>())
                });
                factors.product::<f64>()
            };
            summed.iter().map(of).sum()
        })
    }

    /// The array with all leading axes merged into one.
    ///
    /// # Panics
    /// If there are no axes.
    pub fn as_rows(&self) -> Self {
        let (&cols, front) = self.shape.split_last().expect("at least one axis");
        Dense { shape: vec![front.iter().product(), cols], data: self.data.clone() }
    }

    /// The array with the last two axes exchanged.
    pub fn transposed(&self) -> Self {
        let rank = self.shape.len();
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(rank - 2, rank - 1);
        self.permuted(&order)
    }

    /// The array with its axes in another order: axis `i` of the result is axis `order[i]`.
    pub fn permuted(&self, order: &[usize]) -> Self {
        let shape: Vec<usize> = order.iter().map(|&axis| self.shape[axis]).collect();
        Self::from_fn(&shape, |index| {
            let mut own = vec![0; index.len()];
            for (&axis, &i) in order.iter().zip(&index) {
                own[axis] = i;
            }
            self.at(&own)
        })
    }

    /// The positions of a range along an axis, found one by one.
    pub fn picked(&self, axis: usize, range: &Step) -> Self {
        let n = self.shape[axis] as isize;
        let absolute = |i: isize| if i < 0 { i + n } else { i };
        let mut places = Vec::new();
        let mut i = match range.start {
            Some(start) if range.step > 0 => absolute(start).max(0),
            Some(start) => absolute(start).min(n - 1),
            None if range.step > 0 => 0,
            None => n - 1,
        };
        while (0..n).contains(&i) {
            let stop = range.stop.map(absolute);
            if stop.is_some_and(|stop| if range.step > 0 { i >= stop } else { i <= stop }) {
                break;
            }
            places.push(i as usize);
            i += range.step;
        }
        let mut shape = self.shape.clone();
        shape[axis] = places.len();
        // Not `at`, which would broadcast an axis of size 1.
        Self::from_fn(&shape, |mut index| {
            index[axis] = places[index[axis]];
            self.at(&index)
        })
    }
}

impl From<&Tensor<f64>> for Dense {
    fn from(tensor: &Tensor<f64>) -> Self {
        Self::from_fn(tensor.shape(), |index| tensor.get(&index).expect("inside the shape"))
    }
}

fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], i: usize| {
        if i + shape.len() < rank { 1 } else { shape[i + shape.len() - rank] }
    };
    (0..rank)
        .map(|i| match (size(a, i), size(b, i)) {
            (1, n) | (n, 1) => n,
            (n, m) => {
                assert_eq!(n, m, "the shapes {a:?} and {b:?} broadcast");
                n
            }
        })
        .collect()
}
