//! Operations by positions: gathers, scatters, embeddings; and dropout, whose mask is that of a
//! stream.

use rand::SeedableRng;
use wengert_autodiff::ops;
use wengert_kernels::random::Stream;

use crate::draw::Draw;
use crate::program::Call;

pub fn index(draw: &mut Draw<'_>) -> Call {
    let kind = draw.below(7);
    let (x, shape) = draw.ranked(if kind == 3 { 2 } else { 1 });
    let axis = draw.axis(shape.rank());
    let at = axis.checked_rem_euclid(shape.rank() as isize).unwrap_or(0) as usize;
    let size = shape.get(at).copied().unwrap_or(1);
    match kind {
        0 | 1 => {
            // Not larger than the value along the other axes.
            let mut sizes: Vec<usize> =
                shape.iter().map(|&size| size.saturating_sub(draw.below(4) / 3)).collect();
            if let Some(size) = sizes.get_mut(at) {
                *size = draw.below(4);
            }
            let index = draw.index(&sizes, size);
            let arguments = format!("{axis}, {index:?}");
            if kind == 0 {
                return Call::new("gather", arguments, [x], move |v| {
                    ops::gather(v[0], axis, &index)
                });
            }
            let source = draw.like(sizes);
            Call::new("scatter_add", arguments, [x, source], move |v| {
                ops::scatter_add(v[0], axis, &index, v[1])
            })
        }
        2 => {
            let len = draw.below(4);
            let index = draw.index(&[len], size);
            let arguments = format!("{axis}, {index:?}");
            Call::new("index_select", arguments, [x], move |v| {
                ops::index_select(v[0], axis, &index)
            })
        }
        3 | 4 => {
            let rank = draw.below(3);
            let sizes = draw.sizes(rank);
            let index = draw.index(&sizes, shape.first().copied().unwrap_or(1));
            // Rows of the padding have no gradient, so the padding is a row that is not looked up.
            let padding =
                draw.flag().then(|| draw.below(4)).filter(|row| !index.as_slice().contains(row));
            let arguments = format!("{index:?}, {padding:?}");
            Call::new("embedding", arguments, [x], move |v| ops::embedding(v[0], &index, padding))
        }
        5 => {
            let (p, stream) =
                (draw.of(&[0.5, 0.2, 0.9, 0.0, 1.0, -0.1, 1.1, f64::NAN]), draw.below(256) as u64);
            Call::new("dropout", format!("{p}, stream {stream}"), [x], move |v| {
                ops::dropout_from(v[0], p, Stream::new(7, stream))
            })
        }
        _ => {
            let (p, seed) = (draw.option(), draw.below(256) as u64);
            Call::new("dropout", format!("{p}, seed {seed}"), [x], move |v| {
                ops::dropout(v[0], p, &mut rand_pcg::Pcg64::seed_from_u64(seed))
            })
        }
    }
}
