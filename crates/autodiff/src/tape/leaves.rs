//! [`Leaves`]: the parameters on a tape.

use crate::parameter::{ParameterId, ParameterMap};

/// The parameters on a tape. A parameter whose value an optimizer has changed since it was put on
/// the tape has a second leaf, with the new value.
#[derive(Debug, Default)]
pub(crate) struct Leaves {
    /// The place on the tape and the parameter of each leaf, in the order of the tape.
    all: Vec<(u32, ParameterId)>,
    /// The index of the last leaf of each parameter. An entry belongs to a step that has ended if
    /// `all` has another parameter at that index; entries are kept because the next step usually
    /// has the same parameters.
    last: ParameterMap<u32>,
    /// The leaves of the previous step, if their parameters were all different. The entries of
    /// these parameters in `last` are then their indices in this list.
    previous: Vec<(u32, ParameterId)>,
    /// Whether the leaves so far have the parameters of the first leaves in `previous`, in that
    /// order.
    in_order: bool,
    /// Whether two leaves have the same parameter.
    repeated: bool,
}

impl Leaves {
    /// The last leaf of a parameter, and its place on the tape.
    #[inline]
    pub(crate) fn last(&self, id: ParameterId) -> Option<(u32, u32)> {
        // The steps of a training loop use the same parameters in the same order: most need no
        // search.
        if self.repeats_at(self.all.len(), id) {
            return None;
        }
        let leaf = *self.last.get(&id)?;
        let &(place, of) = self.all.get(leaf as usize)?;
        (of == id).then_some((leaf, place))
    }

    /// Adds the leaf at a place, the last one on the tape.
    #[inline]
    pub(crate) fn push(&mut self, place: u32, id: ParameterId) {
        let leaf = self.all.len();
        self.all.push((place, id));
        if !self.repeats_at(leaf, id) {
            self.in_order = false;
            let before = self.last.insert(id, leaf as u32);
            let is_of =
                |before: u32| self.all[..leaf].get(before as usize).is_some_and(|of| of.1 == id);
            self.repeated |= before.is_some_and(is_of);
        }
    }

    /// Whether all leaves before this one repeat the previous step, and `id` is the parameter of
    /// its leaf at this index.
    #[inline]
    fn repeats_at(&self, leaf: usize, id: ParameterId) -> bool {
        self.in_order && self.previous.get(leaf).is_some_and(|previous| previous.1 == id)
    }

    /// The place of a leaf on the tape.
    #[inline]
    pub(crate) fn place(&self, leaf: u32) -> u32 {
        self.all[leaf as usize].0
    }

    /// The places and the parameters of all leaves.
    #[inline]
    pub(crate) fn all(&self) -> &[(u32, ParameterId)] {
        &self.all
    }

    /// The index of the leaf at a place, and its parameter.
    pub(crate) fn at(&self, place: u32) -> Option<(u32, ParameterId)> {
        let leaf = self.all.binary_search_by_key(&place, |&(place, _)| place).ok()?;
        Some((leaf as u32, self.all[leaf].1))
    }

    /// Moves a leaf to another place. The order of the leaves does not change.
    pub(crate) fn moved(&mut self, from: u32, to: u32) {
        if let Some((leaf, _)) = self.at(from) {
            self.all[leaf as usize].0 = to;
        }
    }

    /// Removes the leaves at the places from `first` on, and returns the number of remaining
    /// leaves.
    pub(crate) fn truncate(&mut self, first: u32) -> u32 {
        let stay = self.all.partition_point(|&(place, _)| place < first);
        self.all.truncate(stay);
        stay as u32
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        std::mem::swap(&mut self.previous, &mut self.all);
        // Otherwise the entries of parameters that are no longer used would remain forever.
        if self.last.len() > 2 * self.previous.len() {
            self.last.clear();
            self.previous.clear();
        }
        if self.repeated {
            self.previous.clear();
        }
        self.all.clear();
        (self.in_order, self.repeated) = (true, false);
    }
}

#[cfg(test)]
mod tests {
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;
    use crate::parameter::Parameter;
    use crate::tensor::Tensor;

    /// Steps that repeat one another, deviate, have several leaves of a parameter, or lose the
    /// latest.
    #[test]
    fn the_last_leaf_is_that_of_a_search_from_the_end() {
        let ids: Vec<_> = (0..6).map(|_| Parameter::new(Tensor::scalar(0.0_f32)).id()).collect();
        let mut rng = Pcg64::seed_from_u64(0);
        let (mut leaves, mut found, mut quick) = (Leaves::default(), 0, 0);
        let mut usual: Vec<ParameterId> = ids.clone();
        for _ in 0..2000 {
            if rng.random_range(0..8) == 0 {
                let uses = rng.random_range(0..12);
                usual = (0..uses).filter_map(|_| ids.choose(&mut rng).copied()).collect();
            }
            let mut all: Vec<(u32, ParameterId)> = Vec::new();
            for (place, &id) in (0..).zip(&usual) {
                let unusual = rng.random_range(0..40) == 0;
                let id = if unusual { *ids.choose(&mut rng).unwrap() } else { id };
                quick += u32::from(leaves.repeats_at(all.len(), id));
                let expected = all.iter().rposition(|&(_, other)| other == id);
                let expected = expected.map(|leaf| (leaf as u32, all[leaf].0));
                assert_eq!(leaves.last(id), expected);
                found += u32::from(expected.is_some());
                // A value that has changed has a leaf of its own.
                if expected.is_none() || rng.random_range(0..20) == 0 {
                    leaves.push(place, id);
                    all.push((place, id));
                }
                if rng.random_range(0..60) == 0 {
                    let first = rng.random_range(0..=place);
                    all.retain(|&(place, _)| place < first);
                    assert_eq!(leaves.truncate(first) as usize, all.len());
                }
                assert_eq!(leaves.all(), all);
            }
            leaves.clear();
        }
        assert!(found > 1000 && quick > 1000, "{found} found, {quick} without a search");
    }
}
