//! [`Leaves`]: the parameters on a tape.

use crate::parameter::{ParameterId, ParameterMap};

/// The parameters on a tape. A parameter whose value an optimizer has changed since it was put on the
/// tape has a second leaf, with the new value.
#[derive(Debug, Default)]
pub(crate) struct Leaves {
    /// The place of each leaf on the tape, in order, and its parameter.
    all: Vec<(u32, ParameterId)>,
    /// Which of them is the last one of a parameter.
    last: ParameterMap<u32>,
}

impl Leaves {
    /// Which leaf is the last one of a parameter, and its place on the tape.
    #[inline]
    pub(crate) fn last(&self, id: ParameterId) -> Option<(u32, u32)> {
        self.last.get(&id).map(|&leaf| (leaf, self.place(leaf)))
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

    /// Which leaf is at a place, and its parameter.
    pub(crate) fn at(&self, place: u32) -> Option<(u32, ParameterId)> {
        let leaf = self.all.binary_search_by_key(&place, |&(place, _)| place).ok()?;
        Some((leaf as u32, self.all[leaf].1))
    }

    /// Adds a leaf after all others on the tape, and returns which one it is.
    #[inline]
    pub(crate) fn push(&mut self, id: ParameterId, place: u32) -> u32 {
        let leaf = self.all.len() as u32;
        self.all.push((place, id));
        self.last.insert(id, leaf);
        leaf
    }

    /// Notes that a leaf is at another place now, the order on the tape being the same.
    pub(crate) fn moved(&mut self, from: u32, to: u32) {
        if let Some((leaf, _)) = self.at(from) {
            self.all[leaf as usize].0 = to;
        }
    }

    /// Forgets the leaves at the places from `first` on, and returns how many stay.
    pub(crate) fn truncate(&mut self, first: u32) -> u32 {
        let stay = self.all.partition_point(|&(place, _)| place < first);
        for (_, id) in self.all.drain(stay..) {
            self.last.remove(&id);
        }
        stay as u32
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.last.clear();
    }
}
