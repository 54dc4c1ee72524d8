//! Which worlds are explored, and what is asked of each.

use midcomms_model::catalogue::{DEFECTS, Defect, MEASURES, Measure, Setting};
use midcomms_model::rules::{Base, SwitchError};
use midcomms_model::system::{Environment, Property, World};

use super::subject::{Key, Seed, SeedKind, Subject};

/// A world to explore, and what is asked of it.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name.
    pub key: Key,
    /// The world.
    pub world: World,
    /// The properties, in the order of [`Property::ALL`].
    pub properties: Vec<Property>,
    /// What models.toml has to do with it.
    pub standing: Standing,
}

/// What models.toml has to do with a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It belongs to the default matrix or to the catalogue: models.toml must know it.
    Expected,
    /// It belongs to the matrix and takes long: models.toml may know it.
    Deep,
    /// Somebody put it together: models.toml does not know it.
    AdHoc,
}

impl Task {
    /// A subject in an environment.
    pub fn new(subject: &Subject, environment: &Environment, properties: &[Property], seed: Option<Seed>) -> Self {
        let key = Key { revision: subject.name.clone(), environment: environment.name.to_owned(), seed };
        Self {
            key,
            world: World::new(environment.clone(), subject.rules),
            properties: properties.to_vec(),
            standing: Standing::AdHoc,
        }
    }

    /// The same with another standing.
    pub fn standing(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }
}

/// What is left of the matrix; what is empty leaves all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Whose rules: of the matrix, or variants.
    pub subjects: Vec<Subject>,
    /// The environments, deep ones too.
    pub environments: Vec<&'static Environment>,
    /// The properties.
    pub properties: Vec<Property>,
    /// Defects, each seeded into the subjects, or into the rules that it was found in.
    pub defects: Vec<&'static Defect>,
    /// Measures, each taken from `hardened`.
    pub measures: Vec<&'static Measure>,
}

impl Selection {
    /// Whether nothing was selected: the whole default matrix.
    pub fn is_everything(&self) -> bool {
        let Self { subjects, environments, properties, defects, measures } = self;
        subjects.is_empty()
            && environments.is_empty()
            && properties.is_empty()
            && defects.is_empty()
            && measures.is_empty()
    }

    /// Whether a world of models.toml is among the selected rows of the matrix.
    pub fn covers(&self, key: &Key) -> bool {
        let is_deep = Environment::DEEP.iter().any(|deep| deep.name == key.environment);
        let environment = match self.environments.is_empty() {
            true => !is_deep,
            false => self.environments.iter().any(|environment| environment.name == key.environment),
        };
        let subject = self.subjects.is_empty() || self.subjects.iter().any(|subject| subject.name == key.revision);
        let is_matrix = self.defects.is_empty() && self.measures.is_empty();
        is_matrix && key.seed.is_none() && environment && subject
    }

    /// The properties asked, in their own order.
    pub fn asked(&self) -> Vec<Property> {
        let all = Property::ALL.into_iter();
        all.filter(|property| self.properties.is_empty() || self.properties.contains(property)).collect()
    }

    /// The tasks, subject by subject in the order of the matrix.
    ///
    /// # Errors
    /// If the catalogue names a switch or a value that does not exist.
    pub fn tasks(&self) -> Result<Vec<Task>, SwitchError> {
        if self.defects.is_empty() && self.measures.is_empty() {
            return Ok(self.matrix());
        }
        let mut tasks = Vec::new();
        for defect in &self.defects {
            let settings: Vec<Setting> = [defect.unmasked, defect.settings].concat();
            self.seeded(&mut tasks, SeedKind::Defect, defect.id, defect.base, &settings, defect.environment)?;
        }
        for measure in &self.measures {
            let settings = [(measure.switch, measure.without)];
            self.seeded(&mut tasks, SeedKind::Measure, measure.id, Base::Hardened, &settings, measure.environment)?;
        }
        Ok(tasks)
    }

    fn matrix(&self) -> Vec<Task> {
        let standard = Subject::standard();
        let subjects = if self.subjects.is_empty() { &standard } else { &self.subjects };
        let properties = self.asked();
        let mut tasks = Vec::new();
        for subject in subjects {
            let is_standard = standard.contains(subject);
            // Whoever names a subject gets its rows, also those that another subject shows as well.
            let is_wanted = |environment: &Environment| !self.subjects.is_empty() || subject.is_of_use_in(environment);
            for environment in self.environments_or(Environment::ALL).filter(|it| is_wanted(it)) {
                let task = Task::new(subject, environment, &properties, None);
                let is_deep = Environment::DEEP.iter().any(|deep| deep.name == environment.name);
                tasks.push(task.standing(match is_standard && subject.is_of_use_in(environment) {
                    true if is_deep => Standing::Deep,
                    true => Standing::Expected,
                    false => Standing::AdHoc,
                }));
            }
        }
        tasks
    }

    fn environments_or<'a>(&'a self, all: &'static [Environment]) -> impl Iterator<Item = &'static Environment> + 'a {
        let all = if self.environments.is_empty() { all } else { &[] };
        self.environments.iter().copied().chain(all)
    }

    fn seeded(
        &self,
        tasks: &mut Vec<Task>,
        kind: SeedKind,
        id: &str,
        base: Base,
        settings: &[Setting],
        environment: &str,
    ) -> Result<(), SwitchError> {
        let own = [Subject::of_base(base)];
        let subjects = if self.subjects.is_empty() { &own[..] } else { &self.subjects };
        let own = Environment::named(environment).map_or(&[][..], std::slice::from_ref);
        for subject in subjects {
            let changed = subject.with(settings)?;
            for environment in self.environments_or(own) {
                let seed = Seed { kind, id: id.to_owned() };
                tasks.push(Task::new(&changed, environment, &self.asked(), Some(seed)));
            }
        }
        Ok(())
    }
}

/// The defect with this number, whatever the case.
pub fn defect_named(id: &str) -> Option<&'static Defect> {
    DEFECTS.iter().find(|defect| defect.id.eq_ignore_ascii_case(id))
}

/// The measure with this number, whatever the case.
pub fn measure_named(id: &str) -> Option<&'static Measure> {
    MEASURES.iter().find(|measure| measure.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_filters_every_base_meets_every_environment_and_every_property() {
        let tasks = Selection::default().tasks().unwrap();
        for base in Base::ALL {
            for environment in Environment::ALL {
                let of = |task: &&Task| task.key.revision == base.name() && task.key.environment == environment.name;
                let task = tasks.iter().find(of).unwrap();
                assert_eq!(task.properties, Property::ALL);
                assert_eq!(task.standing, Standing::Expected);
            }
        }
        assert!(tasks.iter().all(|task| task.key.environment != "deep"));
    }

    #[test]
    fn no_world_is_planned_twice() {
        let tasks = Selection::default().tasks().unwrap();
        let mut keys: Vec<_> = tasks.iter().map(|task| task.key.to_string()).collect();
        keys.sort();
        let all = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }

    #[test]
    fn a_deep_environment_is_planned_if_named_and_is_not_expected_in_models_toml() {
        let deep = Environment::named("deep").unwrap();
        let selection = Selection { environments: vec![deep], ..Selection::default() };
        let tasks = selection.tasks().unwrap();
        assert!(!tasks.is_empty() && tasks.iter().all(|task| task.standing != Standing::Expected));
    }

    #[test]
    fn a_defect_goes_into_its_own_rules_and_environment_unless_others_are_named() {
        let defect = defect_named("d1").unwrap();
        let alone = Selection { defects: vec![defect], ..Selection::default() };
        let [task] = &alone.tasks().unwrap()[..] else { panic!("one task") };
        assert_eq!(task.key.to_string(), format!("{} with D1, {}", defect.base.name(), defect.environment));
        let elsewhere = Selection {
            subjects: vec![Subject::of_base(Base::Hardened)],
            environments: vec![Environment::named("rejoin").unwrap()],
            ..alone
        };
        let [task] = &elsewhere.tasks().unwrap()[..] else { panic!("one task") };
        assert_eq!(task.key.to_string(), "hardened with D1, rejoin");
        let (name, value) = defect.settings[0];
        assert_eq!(task.world.rules(1).get(name), Some(value));
    }
}
