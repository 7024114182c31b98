//! [`ctc_loss`]: the likelihood of a sequence of labels under all its alignments.

use wengert_autodiff::ops::{PadMode, PadWidth};
use wengert_autodiff::{Element, Error, Index, Mask, Result, Var, ops};

use super::{Reduction, reduce};

/// Options of [`ctc_loss`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtcOptions {
    /// The class that stands for no label; 0 by default.
    pub blank: usize,
    /// Whether the loss of a sequence that is too short for its labels, so that it has no
    /// alignment, is zero instead of infinite; false by default.
    pub zero_infinity: bool,
    /// The reduction of the losses. [`Reduction::Mean`] first divides each loss by its number of
    /// labels.
    pub reduction: Reduction,
}

/// The connectionist temporal classification loss: minus the logarithm of the probability that the
/// frames of a sequence spell its labels, summed over all alignments. A frame spells a label or the
/// blank, and consecutive equal labels count once unless a blank is between them.
///
/// # Shapes
/// `log_probs` is `[frames, batch, classes]` ([`log_softmax`](ops::log_softmax()) over the last
/// axis), `labels` has a sequence of labels for each element of the batch, `lengths` its number of
/// frames; the losses are `[batch]`.
///
/// # Errors
/// If the shapes do not fit, a label is the blank or not below the number of classes, or a sequence
/// is longer than the frames.
///
/// Source: A. Graves et al., "Connectionist temporal classification: labelling unsegmented sequence
/// data with recurrent neural networks", ICML 2006.
pub fn ctc_loss<'t, E: Element>(
    log_probs: Var<'t, E>,
    labels: &[Vec<usize>],
    lengths: &[usize],
    options: CtcOptions,
) -> Result<Var<'t, E>> {
    let [frames, batch, _] = check(&log_probs, labels, lengths, options)?;
    // The states of a sequence: a blank, and each label followed by a blank.
    let states = 2 * labels.iter().map(Vec::len).max().unwrap_or(0) + 1;
    let symbol = |b: usize, s: usize| {
        if s % 2 == 1 { labels[b].get(s / 2).copied() } else { None }.unwrap_or(options.blank)
    };
    // A state may be reached from the one two before it if that has another label.
    let skips = Mask::try_from_fn([batch, states], |i| {
        i[1] >= 3 && i[1] % 2 == 1 && symbol(i[0], i[1]) != symbol(i[0], i[1] - 2)
    })?;
    let starts = Mask::try_from_fn([batch, states], |i| i[1] >= 2)?;
    let symbols = Index::from_fn([batch, states], |i| symbol(i[0], i[1]));
    // Finite, so that no difference of two is NaN; its exponential is negligible compared with any
    // other.
    let never = E::from_f64(-1e30);
    let emitted =
        |frame: usize| ops::gather(ops::select(log_probs, 0, frame as isize)?, 1, &symbols);
    let back = |alpha: Var<'t, E>, by: usize| {
        let by = by.min(states);
        let kept = ops::slice(alpha, 1, ..(states - by) as isize)?;
        ops::pad(kept, &[PadWidth { axis: 1, before: by, after: 0 }], PadMode::Constant(never))
    };
    if frames == 0 {
        let message = "there are no frames; at least 1 is needed".to_owned();
        return Err(Error::Argument { op: "ctc_loss", message });
    }
    let mut alpha = ops::masked_fill(emitted(0)?, &starts, never)?;
    for frame in 1..frames {
        let skipped = ops::masked_fill(back(alpha, 2)?, &skips.not(), never)?;
        let ways = ops::stack(&[alpha, back(alpha, 1)?, skipped], 0)?;
        let reached = ops::logsumexp_axes(ways, &[0], false)?;
        let next = ops::add(reached, emitted(frame)?)?;
        let running = Mask::try_from_fn([batch, states], |i| frame < lengths[i[0]])?;
        alpha = ops::where_(&running, next, alpha)?;
    }
    // At the end a sequence is in its last label or the blank after it.
    let last = Index::from_fn([batch, 2], |i| (2 * labels[i[0]].len()).saturating_sub(i[1]));
    let ends = ops::gather(alpha, 1, &last)?;
    let alone = Mask::try_from_fn([batch, 2], |i| i[1] == 1 && labels[i[0]].is_empty())?;
    let ends = ops::masked_fill(ends, &alone, never)?;
    let losses = ops::neg(ops::logsumexp_axes(ends, &[1], false)?)?;
    let impossible = losses.gt_scalar(E::from_f64(1e29));
    let instead = if options.zero_infinity { E::ZERO } else { E::INFINITY };
    let losses = ops::masked_fill(losses, &impossible, instead)?;
    if options.reduction != Reduction::Mean {
        return reduce(losses, options.reduction);
    }
    let share = |i: &[usize]| E::from_f64(1.0 / labels[i[0]].len().max(1) as f64);
    let shares = wengert_autodiff::Tensor::try_from_fn([batch], share)?;
    ops::mean(ops::mul(losses, losses.tape().constant(&shares))?)
}

/// Returns the shape of `log_probs`, if all arguments fit.
fn check<E: Element>(
    log_probs: &Var<'_, E>,
    labels: &[Vec<usize>],
    lengths: &[usize],
    options: CtcOptions,
) -> Result<[usize; 3]> {
    const OP: &str = "ctc_loss";
    let shape = log_probs.shape();
    let &[frames, batch, classes] = shape.dims() else {
        let expected = "log_probs [frames, batch, classes]".to_owned();
        return Err(Error::Shapes { op: OP, expected, got: vec![shape] });
    };
    let refuse = |message: String| Err(Error::Argument { op: OP, message });
    if labels.len() != batch || lengths.len() != batch {
        let (labels, lengths) = (labels.len(), lengths.len());
        return refuse(format!(
            "a batch of {batch} needs {batch} sequences of labels and as many lengths, got {labels} \
             and {lengths}"
        ));
    }
    if options.blank >= classes {
        let blank = options.blank;
        return refuse(format!(
            "the blank {blank} is not among the {classes} classes 0..{classes}"
        ));
    }
    if let Some(row) = lengths.iter().position(|&length| length > frames || length == 0) {
        let length = lengths[row];
        return refuse(format!(
            "sequence {row} has length {length}, and there are {frames} frames"
        ));
    }
    for (row, labels) in labels.iter().enumerate() {
        if let Some(&label) = labels.iter().find(|&&label| label >= classes) {
            return Err(Error::Label { op: OP, row, label, classes });
        }
        if labels.contains(&options.blank) {
            let blank = options.blank;
            return refuse(format!("sequence {row} has the blank, {blank}, among its labels"));
        }
    }
    Ok([frames, batch, classes])
}
