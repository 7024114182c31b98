//! Views of matrices, products of them, and copies between layouts.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use wengert_kernels::activation::Activation;
use wengert_kernels::gemm::{BatchedGemm, Bias, Epilogue, Gemm, MatMut, MatRef};
use wengert_kernels::layout;

use crate::HOSTILE;
use crate::report::{Report, Want};
use crate::slices::OUTSIDE;

/// The elements of the slices views are made of.
const LEN: usize = 12;

/// Strides of all kinds.
const STRIDES: [isize; 10] =
    [0, 1, -1, 2, -3, 4, 12, isize::MAX, isize::MIN, 1 << (usize::BITS / 2)];

fn pick<T: Copy>(rng: &mut Pcg64, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

fn size(rng: &mut Pcg64) -> usize {
    if rng.random_range(0..6) == 0 { pick(rng, &HOSTILE) } else { pick(rng, &[0, 1, 2, 3, 4, 12]) }
}

/// Whether all elements of a view lie in a slice of `len`.
fn within(offset: usize, dims: &[(usize, isize)], len: usize) -> bool {
    let (mut low, mut high) = (offset as i128, offset as i128);
    for &(size, stride) in dims {
        let Some(last) = size.checked_sub(1) else { return true };
        let reach = last as i128 * stride as i128;
        (low, high) = (low.saturating_add(reach.min(0)), high.saturating_add(reach.max(0)));
    }
    low >= 0 && high < len as i128
}

/// Whether two elements of a small view lie in one place.
fn overlaps(dims: [(usize, isize); 2]) -> bool {
    let [(rows, row_stride), (cols, col_stride)] = dims;
    let mut places: Vec<isize> = (0..rows as isize)
        .flat_map(|i| (0..cols as isize).map(move |j| i * row_stride + j * col_stride))
        .collect();
    places.sort_unstable();
    places.windows(2).any(|two| two[0] == two[1])
}

fn views(report: &mut Report) {
    let mut rng = Pcg64::seed_from_u64(4);
    let data: [f32; LEN] = std::array::from_fn(|i| i as f32);
    for _ in 0..40_000 {
        let (rows, cols) = (size(&mut rng), size(&mut rng));
        let [row_stride, col_stride] = [(); 2].map(|()| pick(&mut rng, &STRIDES));
        let offset = pick(&mut rng, &[0, 0, 1, 5, LEN - 1, LEN, usize::MAX]);
        let given = format!("{rows}x{cols} from {offset} by {row_stride} and {col_stride}");
        let dims = [(rows, row_stride), (cols, col_stride)];
        let inside = within(offset, &dims, LEN);
        let counted = rows == 0 || cols == 0 || (rows as u128 * cols as u128) < 1 << 40;
        let place = |row: usize, col: usize| {
            let step = row as i128 * row_stride as i128 + col as i128 * col_stride as i128;
            (offset as i128 + step) as f32
        };
        let corners = |get: &dyn Fn(usize, usize) -> f32| {
            let (Some(row), Some(col)) = (rows.checked_sub(1), cols.checked_sub(1)) else {
                return true;
            };
            [(0, 0), (row, 0), (0, col), (row, col)].iter().all(|&(i, j)| get(i, j) == place(i, j))
        };
        for kernel in ["MatRef::new", "MatRef::try_new", "MatRef::get"] {
            report.call(kernel, &given, Want::answer_if(inside && counted), || {
                let view = match kernel {
                    "MatRef::try_new" => {
                        MatRef::try_new(&data, offset, rows, cols, row_stride, col_stride)
                            .unwrap_or_else(|error| panic!("{error}"))
                    }
                    _ => MatRef::new(&data, offset, rows, cols, row_stride, col_stride),
                };
                corners(&|i, j| view.get(i, j))
            });
        }
        let elements = rows as u128 * cols as u128;
        let distinct =
            elements == 0 || inside && counted && elements <= LEN as u128 && !overlaps(dims);
        // Views whose elements interleave are refused though none overlap.
        let want =
            if distinct && rows.min(cols) > 1 { Want::Either } else { Want::answer_if(distinct) };
        for kernel in ["MatMut::new", "MatMut::try_new", "MatMut::get"] {
            report.call(kernel, &given, want, || {
                let mut data = data;
                let view = match kernel {
                    "MatMut::try_new" => {
                        MatMut::try_new(&mut data, offset, rows, cols, row_stride, col_stride)
                            .unwrap_or_else(|error| panic!("{error}"))
                    }
                    _ => MatMut::new(&mut data, offset, rows, cols, row_stride, col_stride),
                };
                corners(&|i, j| view.get(i, j))
            });
        }
        let want = Want::answer_if(rows == 0 || cols == 0 || rows as u128 * cols as u128 <= 12);
        let given = format!("{rows}x{cols}");
        report.call("MatRef::row_major", &given, want, || {
            MatRef::row_major(&data, rows, cols).rows() == rows
        });
        report.call("MatMut::row_major", &given, want, || {
            MatMut::row_major(&mut data.clone(), rows, cols).cols() == cols
        });
    }
}

/// A matrix of whole numbers: its elements, and strides of which those of dimensions of at most one
/// element are hostile.
struct Matrix {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
    strides: [isize; 2],
}

impl Matrix {
    fn new(rng: &mut Pcg64, rows: usize, cols: usize) -> Self {
        let data = (0..rows * cols).map(|_| rng.random_range(-2..=2) as f32).collect();
        let strides = if rng.random() { [cols, 1] } else { [1, rows] };
        let strides = [(rows, strides[0]), (cols, strides[1])].map(|(count, stride)| {
            let free = count <= 1 || rows == 0 || cols == 0;
            if free { pick(rng, &STRIDES) } else { stride as isize }
        });
        Matrix { data, rows, cols, strides }
    }

    fn view<'a, T: Copy>(&self, data: &'a [T]) -> MatRef<'a, T> {
        MatRef::new(data, 0, self.rows, self.cols, self.strides[0], self.strides[1])
    }

    fn get(&self, row: usize, col: usize) -> f32 {
        self.view(&self.data).get(row, col)
    }

    fn view_mut<'a>(&self, data: &'a mut [f32]) -> MatMut<'a, f32> {
        MatMut::new(data, 0, self.rows, self.cols, self.strides[0], self.strides[1])
    }
}

fn products(report: &mut Report) {
    let mut rng = Pcg64::seed_from_u64(5);
    for _ in 0..6_000 {
        let [m, n, k] = [(); 3].map(|()| pick(&mut rng, &[0, 1, 1, 2, 5, 17, 40]));
        let (a, b) = (Matrix::new(&mut rng, m, k), Matrix::new(&mut rng, k, n));
        let c = Matrix::new(&mut rng, m, n);
        let given =
            format!("{m}x{k} by {:?}, {k}x{n} by {:?} to {:?}", a.strides, b.strides, c.strides);
        let right = |out: &[f32]| {
            let view = c.view(out);
            (0..m).all(|i| {
                (0..n).all(|j| {
                    let sum: f32 = (0..k).map(|p| a.get(i, p) * b.get(p, j)).sum();
                    view.get(i, j) == sum
                })
            })
        };
        let fresh = || vec![f32::NAN; m * n];
        let (av, bv) = (a.view(&a.data), b.view(&b.data));
        report.call("Gemm::run", &given, Want::Answer, || {
            let mut out = fresh();
            Gemm::new(av, bv, c.view_mut(&mut out)).run();
            right(&out)
        });
        for count in [0, 1, 2, 1 << 40, usize::MAX] {
            let [a_step, b_step, c_step] = [(); 3].map(|()| pick(&mut rng, &STRIDES));
            // Of one product or of no elements a step may be any; outputs that are no more than one
            // product's have no place for a third.
            let empty = m * k == 0 && k * n == 0 && m * n == 0;
            let want = match (count <= 1 || empty, count > 2 && m * n > 0) {
                (true, _) => Want::Answer,
                (_, true) => Want::Refusal,
                _ => Want::Either,
            };
            let given = format!("{count} of {given}, apart by {a_step}, {b_step} and {c_step}");
            report.call("BatchedGemm::run", given, want, || {
                let mut out = fresh();
                let first = Gemm::new(av, bv, c.view_mut(&mut out));
                let batch = BatchedGemm { count, first, a_step, b_step, c_step };
                batch.run().unwrap_or_else(|error| panic!("{error}"));
                count == 0 || count > 1 || right(&out)
            });
        }
    }
}

/// Shapes that do not fit, views whose number of elements overflows, and epilogues that cannot be
/// computed.
fn refusals(report: &mut Report) {
    let x = [1.0_f32; 6];
    let matrix = |rows, cols| MatRef::row_major(&x, rows, cols);
    for size in HOSTILE {
        for (rows, cols) in [(1, size), (size, 1), (size, size)] {
            let given = format!("one element as {rows}x{cols}");
            let repeated = || MatRef::new(&x[..1], 0, rows, cols, 0, 0);
            let few = rows == 1 << (usize::BITS / 2) || cols == 1 << (usize::BITS / 2);
            if few && rows.min(cols) == 1 {
                // A view that can be counted, of more elements than a test should pack.
                continue;
            }
            report.call("Gemm::run", &given, Want::Refusal, || {
                let mut y = [0.0];
                Gemm::new(repeated(), repeated().t(), MatMut::row_major(&mut y, 1, 1)).run();
                true
            });
        }
        report.call("Gemm::run", format!("no outputs, depth {size}"), Want::Answer, || {
            let (a, b) = (MatRef::row_major(&x, 0, size), MatRef::new(&x, 0, size, 0, 1, 1));
            Gemm::new(a, b, MatMut::row_major(&mut [], 0, 0)).run();
            true
        });
    }
    for (a, b) in [((2, 3), (2, 3)), ((2, 3), (3, 1)), ((3, 2), (2, 2))] {
        report.call("Gemm::run", format!("{a:?} times {b:?}"), Want::Refusal, || {
            let mut y = [0.0; 4];
            let c = MatMut::row_major(&mut y, 2, 2);
            Gemm::new(matrix(a.0, a.1), matrix(b.0, b.1), c).run();
            true
        });
    }
    let epilogue = |epilogue: Epilogue<'_, f32>, m: usize| {
        let mut y = [0.0; 6];
        let c = MatMut::row_major(&mut y, m, 3);
        Gemm { epilogue, ..Gemm::new(matrix(m, 2), matrix(2, 3), c) }.run();
        true
    };
    for activation in OUTSIDE {
        for m in 0..=2 {
            report.call("Gemm::run", activation, Want::Refusal, || {
                epilogue(Epilogue { activation, bias: Bias::None }, m)
            });
        }
        report.call("BatchedGemm::run", activation, Want::Refusal, || {
            let mut y = [0.0; 6];
            let c = MatMut::row_major(&mut y, 2, 3);
            let mut first = Gemm::new(matrix(2, 2), matrix(2, 3), c);
            first.epilogue.activation = activation;
            BatchedGemm { count: 1, first, a_step: 0, b_step: 0, c_step: 0 }.run().is_ok()
        });
    }
    for len in 0..=4 {
        let activation = Activation::Tanh;
        for (bias, right) in [(Bias::PerRow(&x[..len]), 2), (Bias::PerColumn(&x[..len]), 3)] {
            report.call("Gemm::run", format!("{bias:?}"), Want::answer_if(len == right), || {
                epilogue(Epilogue { activation, bias }, 2)
            });
        }
    }
}

pub fn gemm(report: &mut Report) {
    views(report);
    products(report);
    refusals(report);
}

pub fn layout(report: &mut Report) {
    let mut rng = Pcg64::seed_from_u64(6);
    let src: [f32; LEN] = std::array::from_fn(|i| i as f32);
    for _ in 0..40_000 {
        let rank = rng.random_range(0..5);
        let shape: Vec<usize> = (0..rank).map(|_| size(&mut rng)).collect();
        let given: usize = if rng.random_range(0..8) == 0 { rank + 1 } else { rank };
        let strides: Vec<isize> = (0..given).map(|_| pick(&mut rng, &STRIDES)).collect();
        let offset = pick(&mut rng, &[0, 1, 5, LEN - 1, LEN, usize::MAX]);
        let elements = shape.iter().fold(1, |count: u128, &size| {
            if shape.contains(&0) { 0 } else { count.saturating_mul(size as u128) }
        });
        let len = if elements <= 1728 { elements as usize } else { pick(&mut rng, &[0, 1, 12]) };
        let dims: Vec<(usize, isize)> = shape.iter().copied().zip(strides.clone()).collect();
        let fits = given == rank && elements == len as u128 && within(offset, &dims, LEN);
        let hostile = shape.iter().any(|&size| size > LEN);
        let want = if fits && hostile { Want::Either } else { Want::answer_if(fits) };
        let given = format!("{shape:?} from {offset} by {strides:?} to {len}");
        report.call("copy_strided", given, want, || {
            let mut out = vec![f32::NAN; len];
            layout::copy_strided(&src, offset, &shape, &strides, &mut out);
            out.iter().enumerate().all(|(i, &value)| {
                let (mut rest, mut place) = (i, offset as i128);
                for &(size, stride) in dims.iter().rev() {
                    place += (rest % size) as i128 * stride as i128;
                    rest /= size;
                }
                value == place as f32
            })
        });
        let (run, len) = (size(&mut rng), pick(&mut rng, &[0, 1, 3, 4, 12]));
        let stride = pick(&mut rng, &STRIDES);
        let whole = len == 0 || run > 0 && len % run == 0;
        let rows = len.checked_div(run).unwrap_or(0);
        let inside = len == 0 || within(offset, &[(rows, stride), (run, 1)], LEN);
        let given = format!("{len} in runs of {run} from {offset} by {stride}");
        report.call("copy_rows", given, Want::answer_if(whole && inside), || {
            let mut out = vec![f32::NAN; len];
            layout::copy_rows(&src, offset, stride, run, &mut out);
            out.iter().enumerate().all(|(i, &value)| {
                let place = offset as i128 + (i / run) as i128 * stride as i128;
                value == (place + (i % run) as i128) as f32
            })
        });
    }
}
