//! What is compared: the same programs behind different ways, whose turns alternate.

use hosted::Program;

use super::link::Way;
use super::peer::Peer;
use super::system::{self, Running};
use crate::Failure;

/// The running programs of a comparison.
pub(crate) struct Homes {
    /// The system of the service, the floor, and the program.
    system: Running,
    /// Further systems, each with another build of the service.
    others: Vec<(String, Running)>,
    /// The program outside of Xous.
    plain: Option<Running>,
}

/// One of those compared, with one connection.
pub(crate) struct Arm {
    pub(crate) name: String,
    pub(crate) peer: Peer,
}

impl Homes {
    /// Starts them; `against` are the paths of other builds of the service.
    ///
    /// # Errors
    /// Something does not start.
    pub(crate) fn start(against: &[String], plain: bool) -> Result<Self, Failure> {
        let system = Running::in_system(system::service()?)?;
        let others = against
            .iter()
            .map(|path| Ok((path.clone(), Running::in_system(Program::new(path))?)))
            .collect::<Result<_, Failure>>()?;
        let plain = if plain { Some(Running::plain()?) } else { None };
        Ok(Self { system, others, plain })
    }

    /// A connection per way, the service first and the floor second.
    ///
    /// # Errors
    /// One does not come.
    pub(crate) fn connect(&mut self) -> Result<Vec<Arm>, Failure> {
        let mut arms = vec![arm(&mut self.system, Way::Service)?, arm(&mut self.system, Way::Floor)?];
        for (path, system) in &mut self.others {
            arms.push(Arm { name: path.clone(), peer: system.connect(Way::Service)? });
        }
        if let Some(plain) = &mut self.plain {
            arms.push(arm(plain, Way::Tcp)?);
            arms.push(arm(plain, Way::Tungstenite)?);
        }
        Ok(arms)
    }

    /// A connection for each of these ways through the system.
    ///
    /// # Errors
    /// One does not come.
    pub(crate) fn connect_as(&mut self, ways: &[Way]) -> Result<Vec<Arm>, Failure> {
        ways.iter().map(|way| arm(&mut self.system, *way)).collect()
    }
}

/// A connection of `home`, by its way's name.
fn arm(home: &mut Running, way: Way) -> Result<Arm, Failure> {
    Ok(Arm { name: way.name().into(), peer: home.connect(way)? })
}

/// Lets every arm take its turn `rounds` times, after one that does not count; the results, arm by arm.
///
/// # Errors
/// Those of a turn.
pub(crate) fn alternate<T>(
    arms: &mut [Arm],
    rounds: usize,
    mut turn: impl FnMut(&mut Peer) -> Result<T, Failure>,
) -> Result<Vec<Vec<T>>, Failure> {
    let mut results: Vec<Vec<T>> = arms.iter().map(|_| Vec::with_capacity(rounds)).collect();
    for round in 0..=rounds {
        for (arm, results) in arms.iter_mut().zip(&mut results) {
            let result =
                turn(&mut arm.peer).map_err(|Failure(text)| Failure(format!("{}: {text}", arm.name)))?;
            if round > 0 {
                results.push(result);
            }
        }
    }
    Ok(results)
}
