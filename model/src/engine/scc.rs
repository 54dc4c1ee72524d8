//! Strongly connected components, without recursion.
//!
//! Pearce's variant of Tarjan's algorithm ("A Space-Efficient Algorithm for Finding Strongly Connected Components",
//! 2016): one number a node. The same numbers say which nodes belong to the part that is decomposed, so a part of the
//! graph is decomposed without copying it.

use super::graph::Net;

/// Outside the part, or done.
const OUTSIDE: u32 = u32::MAX;
/// In the part, not visited.
const FRESH: u32 = 0;

/// Components of more than one node, one after the other.
#[derive(Debug, Default)]
pub(super) struct Components {
    nodes: Vec<u32>,
    ends: Vec<usize>,
}

impl Components {
    pub(super) fn of(net: &Net) -> Self {
        let mut found = Self::default();
        let nodes = net.nodes().filter(|node| net.kind(*node).expanded);
        Decomposer::new(net).decompose(nodes, &mut found);
        found
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).filter_map(|(begin, end)| self.nodes.get(*begin..*end))
    }

    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.ends.clear();
    }
}

/// A visit that is not finished.
struct Visit {
    node: u32,
    /// Its steps that have not been followed, by their places in the list of the shard.
    next: u32,
    end: u32,
    /// Whether no earlier node can be reached, as far as is known.
    root: bool,
}

pub(super) struct Decomposer<'n> {
    net: &'n Net,
    marks: Vec<u32>,
    visits: Vec<Visit>,
    pending: Vec<u32>,
    next: u32,
}

impl<'n> Decomposer<'n> {
    pub(super) fn new(net: &'n Net) -> Self {
        Self { net, marks: vec![OUTSIDE; net.slots()], visits: Vec::new(), pending: Vec::new(), next: 1 }
    }

    #[inline]
    fn mark(&self, node: u32) -> u32 {
        self.marks.get(node as usize).copied().unwrap_or(OUTSIDE)
    }

    #[inline]
    fn set(&mut self, node: u32, mark: u32) {
        if let Some(slot) = self.marks.get_mut(node as usize) {
            *slot = mark;
        }
    }

    /// Appends the components of the part of the graph that `nodes` are.
    pub(super) fn decompose(&mut self, nodes: impl Iterator<Item = u32> + Clone, found: &mut Components) {
        nodes.clone().for_each(|node| self.set(node, FRESH));
        for node in nodes {
            if self.mark(node) == FRESH {
                self.enter(node);
                self.visit_all(found);
            }
        }
    }

    fn enter(&mut self, node: u32) {
        self.set(node, self.next);
        self.next += 1;
        let (next, end) = self.net.places(node);
        self.visits.push(Visit { node, next, end, root: true });
    }

    fn visit_all(&mut self, found: &mut Components) {
        while let Some(mut visit) = self.visits.pop() {
            let node = visit.node;
            if let Some(fresh) = self.follow(&mut visit) {
                self.visits.push(visit);
                self.enter(fresh);
                continue;
            }
            if visit.root {
                self.close(node, found);
            } else {
                self.pending.push(node);
            }
            let mark = self.mark(node);
            if let Some(parent) = self.visits.last_mut()
                && mark < self.marks.get(parent.node as usize).copied().unwrap_or(OUTSIDE)
            {
                parent.root = false;
                let parent = parent.node;
                self.set(parent, mark);
            }
        }
    }

    /// Follows steps until one leads to a node that is not visited yet.
    #[inline]
    fn follow(&mut self, visit: &mut Visit) -> Option<u32> {
        let targets = self.net.targets(visit.node, visit.next, visit.end);
        let before = self.mark(visit.node);
        let mut own = before;
        let mut fresh = None;
        for target in targets {
            visit.next += 1;
            let mark = self.mark(*target);
            if mark == FRESH {
                fresh = Some(*target);
                break;
            }
            own = own.min(mark);
        }
        if own < before {
            visit.root = false;
            self.set(visit.node, own);
        }
        fresh
    }

    /// Takes the component of a root off.
    fn close(&mut self, root: u32, found: &mut Components) {
        let first = self.mark(root);
        let begin = found.nodes.len();
        while let Some(node) = self.pending.pop_if(|node| self.marks.get(*node as usize).is_some_and(|m| *m >= first)) {
            self.set(node, OUTSIDE);
            self.next -= 1;
            found.nodes.push(node);
        }
        self.set(root, OUTSIDE);
        self.next -= 1;
        if found.nodes.len() > begin {
            found.nodes.push(root);
            found.ends.push(found.nodes.len());
        }
    }

    /// Classes that have a step inside the part that `nodes` are, whether it is connected or not.
    pub(super) fn classes_inside(&mut self, nodes: &[u32]) -> u64 {
        nodes.iter().for_each(|node| self.set(*node, FRESH));
        let mut taken = 0;
        for node in nodes {
            for (target, class) in self.net.steps(*node) {
                if class != super::NO_CLASS && self.mark(target) == FRESH {
                    taken |= 1 << (class & 63);
                }
            }
        }
        nodes.iter().for_each(|node| self.set(*node, OUTSIDE));
        taken
    }
}
