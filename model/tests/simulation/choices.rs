//! What is left to chance: drawn from a seed, or played back and shrunk.

/// A source of choices, grouped into steps. Zero is always the tamest choice.
pub(crate) struct Choices {
    state: u64,
    played: Option<Vec<Vec<u32>>>,
    taken: Vec<Vec<u32>>,
    position: usize,
}

impl Choices {
    /// Chance itself, from `seed`.
    pub(crate) fn seeded(seed: u64) -> Self {
        let state = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        Self { state, played: None, taken: Vec::new(), position: 0 }
    }

    /// The choices of an earlier run; what is missing is zero.
    pub(crate) fn played(steps: Vec<Vec<u32>>) -> Self {
        Self { state: 1, played: Some(steps), taken: Vec::new(), position: 0 }
    }

    /// The choices so far.
    pub(crate) fn into_taken(self) -> Vec<Vec<u32>> {
        self.taken
    }

    /// Begins the next step. Played choices end with their steps.
    pub(crate) fn next_step(&mut self) -> bool {
        self.position = 0;
        let has_next = self.played.as_ref().is_none_or(|steps| self.taken.len() < steps.len());
        if has_next {
            self.taken.push(Vec::new());
        }
        has_next
    }

    /// A number below `bound`, or 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        if bound <= 1 {
            return 0;
        }
        let drawn = match &self.played {
            Some(steps) => {
                let step = self.taken.len().saturating_sub(1);
                steps.get(step).and_then(|step| step.get(self.position)).copied().unwrap_or(0) as usize
            }
            None => {
                self.state ^= self.state << 13;
                self.state ^= self.state >> 7;
                self.state ^= self.state << 17;
                (self.state >> 33) as usize
            }
        };
        let choice = drawn % bound;
        self.position += 1;
        if let Some(step) = self.taken.last_mut() {
            step.push(choice as u32);
        }
        choice
    }

    /// True in so many cases of a hundred.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }
}

/// Makes a failing run small: fewer steps, then smaller numbers, as long as `fails`.
pub(crate) fn shrink(mut steps: Vec<Vec<u32>>, fails: impl Fn(&[Vec<u32>]) -> bool) -> Vec<Vec<u32>> {
    loop {
        let before = steps.clone();
        let mut chunk = steps.len().max(2) / 2;
        while chunk > 0 {
            let mut start = 1; // the first step is the configuration
            while start < steps.len() {
                let mut fewer = steps.clone();
                fewer.drain(start..(start + chunk).min(steps.len()));
                if fails(&fewer) {
                    steps = fewer;
                } else {
                    start += chunk;
                }
            }
            chunk /= 2;
        }
        for step in 0..steps.len() {
            for place in 0..steps[step].len() {
                for smaller in [0, steps[step][place] / 2, steps[step][place].saturating_sub(1)] {
                    // Which action a step is stays as it is, else shrinking wanders.
                    if smaller < steps[step][place] && (place > 0 || step == 0 || smaller == 0) {
                        let mut tamer = steps.clone();
                        tamer[step][place] = smaller;
                        if fails(&tamer) {
                            steps = tamer;
                        }
                    }
                }
            }
        }
        if steps == before {
            return steps;
        }
    }
}
