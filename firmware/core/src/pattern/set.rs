//! Many patterns as one tree, so that a call costs the same with ten of them and with ten thousand.

use alloc::{boxed::Box, collections::BTreeMap, vec, vec::Vec};

use super::{Pattern, Specificity, Step, bit, symbols};

/// No pattern ends here.
const NONE: u32 = u32::MAX;

/// Patterns, each with a value. Matching allocates nothing.
///
/// A node has an edge for every different set of symbols that patterns have in its place, the most
/// specific first. The search goes depth first and so meets the most specific pattern first. How
/// long it takes depends on how many overlapping sets patterns have in the same place, not on how
/// many patterns there are.
#[derive(Clone, Debug)]
pub struct PatternSet<T> {
    nodes: Box<[Node]>,
    /// Symbols on the edge, and beside it in `targets` the node it leads to.
    sets: Box<[u64]>,
    targets: Box<[u32]>,
    values: Box<[(T, Specificity)]>,
}

/// Indexes; `NONE` where there is nothing.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Its edges end where those of the next node begin.
    first_edge: u32,
    /// Value of the pattern that ends here, of the one with `.` here, of the one with `!` here.
    end: u32,
    more: u32,
    any: u32,
}

/// A node while the tree is made.
#[derive(Default)]
struct Growing {
    edges: BTreeMap<(u8, u32, u64), usize>,
    end: Option<u32>,
    more: Option<u32>,
    any: Option<u32>,
}

impl<T: Copy> PatternSet<T> {
    /// Where the same pattern is given twice, the first value stays.
    pub fn new<'a>(patterns: impl IntoIterator<Item = (&'a Pattern, T)>) -> Self {
        let mut tree = vec![Growing::default()];
        let mut values = Vec::new();
        for (pattern, value) in patterns {
            let place = grow(&mut tree, pattern);
            if place.is_none() {
                *place = Some(values.len() as u32);
                values.push((value, pattern.specificity()));
            }
        }
        let mut set = PatternSet {
            nodes: Box::default(),
            sets: Box::default(),
            targets: Box::default(),
            values: values.into(),
        };
        set.flatten(&tree);
        set
    }

    fn flatten(&mut self, tree: &[Growing]) {
        let (mut nodes, mut sets, mut targets) =
            (Vec::with_capacity(tree.len() + 1), Vec::new(), Vec::new());
        for node in tree {
            nodes.push(Node {
                first_edge: sets.len() as u32,
                end: node.end.unwrap_or(NONE),
                more: node.more.unwrap_or(NONE),
                any: node.any.unwrap_or(NONE),
            });
            for ((_, _, set), target) in &node.edges {
                sets.push(*set);
                targets.push(*target as u32);
            }
        }
        nodes.push(Node {
            first_edge: sets.len() as u32,
            end: NONE,
            more: NONE,
            any: NONE,
        });
        self.nodes = nodes.into();
        self.sets = sets.into();
        self.targets = targets.into();
    }

    /// The value of the most specific pattern that matches, and how specific that is. Separators in
    /// `dialled` are passed over, as [`Pattern::matches`] does.
    pub fn matches(&self, dialled: &[u8]) -> Option<(T, Specificity)> {
        // One more than a pattern has places: whatever follows, only `.` and `!` can match it.
        let mut all = [0; Pattern::LONGEST + 1];
        let mut len = 0;
        for (place, symbol) in all.iter_mut().zip(symbols(dialled)) {
            *place = symbol;
            len += 1;
        }
        let found = self.descend(0, &all[..len]);
        self.values.get(found as usize).copied()
    }

    /// Not deeper than `Pattern::LONGEST`.
    fn descend(&self, node: u32, rest: &[u8]) -> u32 {
        let here = self.nodes[node as usize];
        let Some((symbol, after)) = rest.split_first() else {
            return if here.end == NONE { here.any } else { here.end };
        };
        let wanted = bit(*symbol);
        let end = self.nodes[node as usize + 1].first_edge;
        for edge in here.first_edge as usize..end as usize {
            if self.sets[edge] & wanted != 0 {
                let found = self.descend(self.targets[edge], after);
                if found != NONE {
                    return found;
                }
            }
        }
        if here.more == NONE {
            here.any
        } else {
            here.more
        }
    }

    /// Different patterns in the set.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// No pattern at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// The place for the value of a pattern, made if it is not there.
fn grow<'t>(tree: &'t mut Vec<Growing>, pattern: &Pattern) -> &'t mut Option<u32> {
    let mut node = 0;
    for step in pattern.steps() {
        match step {
            Step::One(_) => {
                let fresh = tree.len();
                let next = *tree[node].edges.entry(step.order()).or_insert(fresh);
                if next == fresh {
                    tree.push(Growing::default());
                }
                node = next;
            }
            Step::More => return &mut tree[node].more,
            Step::Any => return &mut tree[node].any,
        }
    }
    &mut tree[node].end
}
