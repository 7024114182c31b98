//! [`Rules`]: the rules that judge.

use super::rules::{Rule, standard};

/// The rules that judge, in order.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Box<dyn Rule>>,
}

impl Rules {
    /// All rules with their default thresholds.
    pub fn standard() -> Self {
        Self { rules: standard() }
    }

    /// Adds a rule, in place of the one with the same name.
    pub fn with(mut self, rule: impl Rule + 'static) -> Self {
        match self.rules.iter_mut().find(|other| other.name() == rule.name()) {
            Some(other) => *other = Box::new(rule),
            None => self.rules.push(Box::new(rule)),
        }
        self
    }

    /// Removes the rule with this name, if there is one.
    pub fn without(mut self, name: &str) -> Self {
        self.rules.retain(|rule| rule.name() != name);
        self
    }

    /// The names of the rules.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.rules.iter().map(|rule| rule.name())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn Rule> {
        self.rules.iter().map(|rule| &**rule)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::standard()
    }
}
