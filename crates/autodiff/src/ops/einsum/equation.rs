//! Parsing an equation and fitting it to the operands' shapes.

use super::path::LabelSet;
use crate::error::{Error, Result};
use crate::shape::Shape;

/// An equation fitted to shapes. Labels are numbered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Equation {
    /// A label for each axis of each operand.
    pub(super) inputs: Vec<Vec<usize>>,
    /// The labels of the output's axes, each once.
    pub(super) output: Vec<usize>,
    /// The size of each label.
    pub(super) sizes: Vec<usize>,
}

/// A symbol for one axis, or for a number of axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    Label(char),
    Ellipsis,
}

/// A symbol and the index of its character.
type Token = (Symbol, usize);

/// A parsed equation before it is fitted to shapes.
struct Text {
    inputs: Vec<Vec<Token>>,
    /// `None` if the equation has no arrow.
    output: Option<Vec<Token>>,
}

/// An error that states the position of a character.
fn wrong(text: &str, at: usize, what: &str) -> Error {
    let place = match text.chars().nth(at) {
        Some(char) => format!("character {}, {char:?}", at + 1),
        None => "its end".to_owned(),
    };
    Error::Argument { op: "einsum", message: format!("{what} ({text:?} at {place})") }
}

impl Text {
    fn new(text: &str) -> Result<Self> {
        let wrong = |at, what: &str| Err(wrong(text, at, what));
        let (mut inputs, mut term, mut arrow): (Vec<Vec<Token>>, Vec<Token>, _) =
            (Vec::new(), Vec::new(), false);
        let mut chars = text.chars().enumerate().peekable();
        while let Some((at, char)) = chars.next() {
            let mut next_is = |expected| chars.next_if(|&(_, next)| next == expected).is_some();
            match char {
                ' ' => (),
                ',' if arrow => return wrong(at, "there is only one output after \"->\""),
                ',' => inputs.push(std::mem::take(&mut term)),
                '-' if !next_is('>') => return wrong(at, "an arrow is written \"->\""),
                '-' if arrow => return wrong(at, "there is one arrow"),
                '-' => {
                    arrow = true;
                    inputs.push(std::mem::take(&mut term));
                }
                '.' if !(next_is('.') && next_is('.')) => {
                    return wrong(at, "an ellipsis is three dots, \"...\"");
                }
                '.' if term.iter().any(|(symbol, _)| *symbol == Symbol::Ellipsis) => {
                    return wrong(at, "an operand has at most one ellipsis");
                }
                '.' => term.push((Symbol::Ellipsis, at)),
                label if label.is_alphabetic() => {
                    let symbol = Symbol::Label(label);
                    if arrow && term.iter().any(|(other, _)| *other == symbol) {
                        return wrong(at, "the output has each label once");
                    }
                    term.push((symbol, at));
                }
                _ => return wrong(at, "expected a letter, \",\", \"->\" or \"...\""),
            }
        }
        if !arrow {
            inputs.push(term);
            return Ok(Text { inputs, output: None });
        }
        for &(symbol, at) in &term {
            let known = inputs.iter().flatten().any(|(other, _)| *other == symbol);
            if !known && symbol != Symbol::Ellipsis {
                return wrong(at, "the output has a label that no operand has");
            }
        }
        Ok(Text { inputs, output: Some(term) })
    }

    /// The output of an equation that has no arrow.
    fn implied_output(&self) -> Vec<Token> {
        let mut labels: Vec<Token> = self.inputs.iter().flatten().copied().collect();
        labels.sort_by_key(|&(symbol, _)| match symbol {
            Symbol::Ellipsis => None,
            Symbol::Label(label) => Some(label),
        });
        let groups = labels.chunk_by(|a, b| a.0 == b.0);
        groups
            .filter(|group| group.len() == 1 || group[0].0 == Symbol::Ellipsis)
            .map(|group| group[0])
            .collect()
    }
}

impl Equation {
    /// Parses an equation and fits it to operands of the given shapes.
    pub(super) fn new(text: &str, shapes: &[Shape]) -> Result<Self> {
        let parsed = Text::new(text)?;
        if parsed.inputs.len() != shapes.len() {
            let message =
                format!("{text:?} takes {} operands, got {}", parsed.inputs.len(), shapes.len());
            return Err(Error::Argument { op: "einsum", message });
        }
        // The axes of an ellipsis are aligned at the last one: label 0 is the last axis, label 1
        // the one before it.
        let nameless = |term: &[Token], shape: &Shape| -> Result<usize> {
            let named = term.iter().filter(|(symbol, _)| *symbol != Symbol::Ellipsis).count();
            let exact = named == term.len();
            match shape.rank().checked_sub(named) {
                Some(rest) if rest == 0 || !exact => Ok(rest),
                _ => {
                    let at = term.first().map_or(text.chars().count(), |token| token.1);
                    let least = if exact { "" } else { "at least " };
                    let what = format!(
                        "this operand needs {least}{named} axes, but has the shape {shape}"
                    );
                    Err(wrong(text, at, &what))
                }
            }
        };
        let counts: Vec<usize> = parsed
            .inputs
            .iter()
            .zip(shapes)
            .map(|(term, shape)| nameless(term, shape))
            .collect::<Result<_>>()?;
        let most = counts.iter().copied().max().unwrap_or(0);
        let mut names = Vec::new();
        let mut numbers = |term: &[Token], count: usize| -> Vec<(usize, usize)> {
            let mut labels = Vec::new();
            for &(symbol, at) in term {
                match symbol {
                    Symbol::Ellipsis => labels.extend((0..count).rev().map(|label| (label, at))),
                    Symbol::Label(name) => {
                        let place = names.iter().position(|&other| other == name);
                        labels.push((
                            most + place.unwrap_or_else(|| {
                                names.push(name);
                                names.len() - 1
                            }),
                            at,
                        ));
                    }
                }
            }
            labels
        };
        let inputs: Vec<_> =
            parsed.inputs.iter().zip(&counts).map(|(term, &count)| numbers(term, count)).collect();
        let output = parsed.output.clone().unwrap_or_else(|| parsed.implied_output());
        let output = numbers(&output, most).into_iter().map(|(label, _)| label).collect();
        let mut sizes: Vec<Option<usize>> = vec![None; most + names.len()];
        if sizes.len() > LabelSet::MOST {
            let message =
                format!("{text:?} has {} labels, at most {} fit", sizes.len(), LabelSet::MOST);
            return Err(Error::Argument { op: "einsum", message });
        }
        for (labels, shape) in inputs.iter().zip(shapes) {
            for (&(label, at), &size) in labels.iter().zip(shape.iter()) {
                match &mut sizes[label] {
                    known @ None => *known = Some(size),
                    Some(known) if *known == size => (),
                    // Only the axes of an ellipsis broadcast.
                    Some(known) if label < most && *known == 1 => *known = size,
                    Some(_) if label < most && size == 1 => (),
                    Some(known) => {
                        let what = format!(
                            "this axis of {shape} has size {size}, but its label has size {known} \
                             elsewhere"
                        );
                        return Err(wrong(text, at, &what));
                    }
                }
            }
        }
        Ok(Equation {
            inputs: inputs
                .into_iter()
                .map(|labels| labels.into_iter().map(|(label, _)| label).collect())
                .collect(),
            output,
            sizes: sizes.into_iter().map(|size| size.unwrap_or(1)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(text: &str, shapes: &[&[usize]]) -> Result<Equation> {
        Equation::new(text, &shapes.iter().map(|&shape| Shape::from(shape)).collect::<Vec<_>>())
    }

    #[test]
    fn labels_are_numbered_and_have_sizes() {
        let equation = fit("bij, bjk -> bik", &[&[2, 3, 4], &[2, 4, 5]]).unwrap();
        assert_eq!(equation.inputs, [[0, 1, 2], [0, 2, 3]]);
        assert_eq!(equation.output, [0, 1, 3]);
        assert_eq!(equation.sizes, [2, 3, 4, 5]);
    }

    #[test]
    fn the_axes_of_an_ellipsis_are_aligned_at_the_last_and_repeat() {
        let equation = fit("...i,i...->...", &[&[7, 1, 3], &[3, 5]]).unwrap();
        assert_eq!(equation.inputs, [vec![1, 0, 2], vec![2, 0]]);
        assert_eq!((equation.output, equation.sizes), (vec![1, 0], vec![5, 7, 3]));
        // The ellipsis stands for no axes.
        assert_eq!(fit("...i->...", &[&[3]]).unwrap().output, []);
    }

    #[test]
    fn an_output_that_is_not_written_has_what_occurs_once_by_the_alphabet() {
        let output = |text, shapes: &[&[usize]]| fit(text, shapes).unwrap().output;
        assert_eq!(output("ba", &[&[2, 3]]), [1, 0]);
        assert_eq!(output("ij,jk", &[&[2, 3], &[3, 4]]), [0, 2]);
        assert_eq!(output("ii", &[&[2, 2]]), []);
        assert_eq!(output("b...a", &[&[2, 3, 4]]), [0, 2, 1]);
        assert_eq!(output("aB", &[&[2, 3]]), [1, 0]);
    }

    #[test]
    fn errors_point_to_the_character() {
        for (text, shapes, expected) in [
            (
                "ij,jk->ix",
                &[&[2, 3][..], &[3, 4]][..],
                "no operand has (\"ij,jk->ix\" at character 9, 'x')",
            ),
            ("i1->i", &[&[2, 3]], "character 2, '1'"),
            ("ij-ji", &[&[2, 3]], "character 3, '-'"),
            ("i->i->i", &[&[2]], "one arrow"),
            ("i->i,i", &[&[2]], "character 5, ','"),
            ("ij->ii", &[&[2, 3]], "character 6, 'i'"),
            ("i..j", &[&[2, 3]], "three dots"),
            ("...i...", &[&[2, 3]], "character 5, '.'"),
            (
                "ij,jk->ik",
                &[&[2, 3], &[4, 5]],
                "this axis of [4, 5] has size 4, but its label has size 3 elsewhere",
            ),
            ("i...,i...->i", &[&[2, 3], &[2, 4]], "character 7, '.'"),
            ("ij->i", &[&[2]], "needs 2 axes, but has the shape [2]"),
            ("ij...->i", &[&[2]], "at least 2 axes"),
            ("i,->i", &[&[2], &[3]], "0 axes"),
            ("i->i", &[&[2], &[2]], "takes 1 operands, got 2"),
            ("", &[&[2]], "at its end"),
        ] {
            let error = fit(text, shapes).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
