//! Copies of transposed and permuted views into row-major order.

use std::hint::black_box;

use wengert::kernels::Element;
use wengert::kernels::layout::copy_strided;

use crate::data::{Buffer, assert_agree, noise, zeros};
use crate::run::{Run, Work};

/// Adds copies of matrices, of images with their axes in another order, and of attention heads.
pub(crate) fn cases(run: &mut Run) {
    of::<f32>(run);
    of::<f64>(run);
}

fn of<E: Element>(run: &mut Run) {
    for (name, shape, order) in [
        ("transpose", &[2048, 2048][..], &[1, 0][..]),
        ("transpose", &[4096, 1000], &[1, 0]),
        ("transpose", &[1023, 2051], &[1, 0]),
        ("channels last", &[16, 64, 56, 56], &[0, 2, 3, 1]),
        ("channels first", &[16, 56, 56, 64], &[0, 3, 1, 2]),
        ("heads", &[16, 256, 8, 64], &[0, 2, 1, 3]),
        ("reversed axes", &[160, 160, 160], &[2, 1, 0]),
    ] {
        let strides = |shape: &[usize]| -> Vec<isize> {
            (0..shape.len()).map(|i| shape[i + 1..].iter().product::<usize>() as isize).collect()
        };
        let own = strides(shape);
        let sizes: Vec<usize> = order.iter().map(|&axis: &usize| shape[axis]).collect();
        let from: Vec<isize> = order.iter().map(|&axis| own[axis]).collect();
        let to = strides(&sizes);
        let x = noise::<E>(shape.iter().product());
        let (mut y, mut z) = (zeros(x.len()), zeros(x.len()));
        let text = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
        let case = format!("{name}, {text}");
        copy_strided(&x, 0, &sizes, &from, &mut y);
        plain(&x, &sizes, &from, &to, &mut z);
        assert_agree(&case, &y, &z);
        run.case::<E>(
            Work::out_of_place(case, x.len(), x.len(), x.len()),
            || copy_strided(black_box(&x), 0, &sizes, &from, &mut y),
            || plain(black_box(&x), &sizes, &from, &to, &mut z),
        );
    }
}

/// One loop per axis, the last axis innermost.
fn plain<E: Element>(
    x: &Buffer<E>,
    sizes: &[usize],
    from: &[isize],
    to: &[isize],
    y: &mut Buffer<E>,
) {
    let rank = sizes.len();
    let &[ref outer @ .., rows, cols] = sizes else {
        unreachable!("the cases have two axes at least")
    };
    let turns: usize = outer.iter().product();
    for turn in 0..turns {
        let (mut rest, mut x_at, mut y_at) = (turn, 0, 0);
        for axis in (0..rank - 2).rev() {
            let place = (rest % sizes[axis]) as isize;
            rest /= sizes[axis];
            x_at += place * from[axis];
            y_at += place * to[axis];
        }
        for i in 0..rows as isize {
            for j in 0..cols as isize {
                let at = x_at + i * from[rank - 2] + j * from[rank - 1];
                y[(y_at + i * to[rank - 2] + j) as usize] = x[at as usize];
            }
        }
    }
}
