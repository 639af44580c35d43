//! One simulated water heater: a tank, a heat pump, two elements, a household, and the controls between them. Pure.
//!
//! Never reads a clock: time is given in seconds, and as many as wanted, so that a demo can live fast.

pub mod draws;
pub mod kinds;
pub mod ledger;
pub mod refrigerant;
pub mod replies;
pub mod status;
pub mod tank;

use std::collections::BTreeMap;

use jiff::civil::Date;

use draws::{Draws, Flow};
pub use kinds::{Balance, Build, Mode, Running, Thresholds, Volume};
use ledger::{Ledger, Used};
use refrigerant::Circuit;
use tank::{Step, Tank};

/// Length of one step of the model in seconds.
const STEP: f64 = 5.0;
/// Watts of one element (5000 W at 240 V; a little less arrives).
const ELEMENT_WATTS: f64 = 4800.0;
/// Watts of the controls, always.
const CONTROLS_WATTS: f64 = 1.0;
/// Above this the high-limit switch opens, in degrees Celsius.
const HIGH_LIMIT: f64 = 80.0;
/// Below this the freeze protection heats, in degrees Celsius.
const FREEZE_LIMIT: f64 = 6.0;

/// One water heater.
#[derive(Clone, Debug)]
pub struct Heater {
    build: Build,
    mode: Mode,
    mode_before_off: Mode,
    setpoint: f64,
    vacation_days: i64,
    tank: Tank,
    circuit: Circuit,
    draws: Draws,
    ledger: Ledger,
    running: Running,
    flow: Flow,
    balance: Balance,
    seconds: f64,
    litres: f64,
    signal: f64,
    rng: fastrand::Rng,
    starts: u64,
    /// Settings that were commanded and mean nothing to the model, as the status calls them.
    settings: BTreeMap<&'static str, i64>,
}

impl Heater {
    /// A heater with a history of `days` before `today`.
    #[must_use]
    pub fn new(build: Build, seed: u64, today: Date, days: u32) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        Self {
            build,
            mode: build.mode,
            mode_before_off: build.mode,
            setpoint: build.setpoint,
            vacation_days: 7,
            tank: Tank::new(build.volume.litres(), build.setpoint - 2.0),
            circuit: Circuit::at_rest(20.0),
            draws: Draws::new(rng.u64(..), build.litres_a_day, build.first_shower),
            ledger: Ledger::with_history(&mut rng, today, days),
            running: Running::default(),
            flow: Flow::default(),
            balance: Balance::default(),
            seconds: 0.0,
            litres: 48_000.0 + 1000.0 * rng.f64(),
            signal: -45.0 - 20.0 * rng.f64(),
            rng,
            starts: 0,
            settings: BTreeMap::new(),
        }
    }

    /// Lives until `seconds` after its start, in whole steps; electricity is booked on `date`.
    pub fn live_until(&mut self, seconds: f64, date: Date) {
        while self.seconds + STEP <= seconds {
            self.step(date);
        }
        self.signal = (self.signal + self.rng.f64() * 2.0 - 1.0).clamp(-80.0, -35.0);
    }

    /// Seconds lived so far; whole steps only.
    #[must_use]
    pub fn lived(&self) -> f64 {
        self.seconds
    }

    /// The tank.
    #[must_use]
    pub fn tank(&self) -> &Tank {
        &self.tank
    }

    /// The mode chosen.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The setpoint in degrees Celsius.
    #[must_use]
    pub fn setpoint(&self) -> f64 {
        self.setpoint
    }

    /// Which heat sources are on.
    #[must_use]
    pub fn running(&self) -> Running {
        self.running
    }

    /// Electricity since installation and by day.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Heat that moved since the start.
    #[must_use]
    pub fn balance(&self) -> Balance {
        self.balance
    }

    /// Electrical power now in watts.
    #[must_use]
    pub fn watts(&self) -> f64 {
        CONTROLS_WATTS + self.pump_watts() + self.element_watts()
    }

    /// Chooses a mode; `Off` remembers what was before it.
    pub fn set_mode(&mut self, mode: Mode) {
        if mode != Mode::Off {
            self.mode_before_off = mode;
        }
        self.mode = mode;
        self.control();
    }

    /// Switches on with the mode that was in force before.
    pub fn power_on(&mut self) {
        self.set_mode(self.mode_before_off);
    }

    /// Chooses a setpoint in degrees Celsius; the unit keeps it within its limits.
    pub fn set_setpoint(&mut self, celsius: f64) {
        self.setpoint = celsius.clamp(status::LOWEST_SETPOINT, status::HIGHEST_SETPOINT);
        self.control();
    }

    /// Sets the length of a vacation.
    pub fn set_vacation_days(&mut self, days: i64) {
        self.vacation_days = days.clamp(1, 30);
    }

    /// Keeps a setting that means nothing to the model; the status shows it.
    pub fn set(&mut self, field: &'static str, number: i64) {
        self.settings.insert(field, number);
    }

    /// Hour of the day, 0 to 24.
    fn hour(&self) -> f64 {
        (self.build.hour + self.seconds / 3600.0).rem_euclid(24.0)
    }

    /// Air around the unit in degrees Celsius: a cellar that the unit cools when it runs.
    fn ambient(&self) -> f64 {
        let day = ((self.hour() - 9.0) / 24.0 * std::f64::consts::TAU).sin();
        19.5 + 1.5 * day - if self.running.pump { 0.8 } else { 0.0 }
    }

    /// Outdoor temperature in degrees Celsius.
    fn outside(&self) -> f64 {
        12.0 + 6.0 * ((self.hour() - 9.0) / 24.0 * std::f64::consts::TAU).sin()
    }

    /// Cold water in degrees Celsius: what stands in the pipe warms up a little.
    fn inlet(&self) -> f64 {
        if self.flow.rate > 0.0 { 13.0 } else { 15.0 }
    }

    fn pump_watts(&self) -> f64 {
        if self.running.pump { refrigerant::electrical_watts(self.tank.lower) } else { 0.0 }
    }

    fn element_watts(&self) -> f64 {
        let count = f64::from(u8::from(self.running.upper)) + f64::from(u8::from(self.running.lower));
        ELEMENT_WATTS * count
    }

    fn step(&mut self, date: Date) {
        self.control();
        self.flow = self.draws.step(STEP, self.hour());
        self.litres += self.flow.litres;
        let ambient = self.ambient();
        let pump_watts = self.pump_watts();
        let pump_heat = pump_watts * refrigerant::efficiency(ambient, self.tank.lower);
        let upper_heat = if self.running.upper { ELEMENT_WATTS } else { 0.0 };
        let lower_heat = pump_heat + if self.running.lower { ELEMENT_WATTS } else { 0.0 };
        let left = self.tank.step(Step {
            seconds: STEP,
            upper_watts: upper_heat,
            lower_watts: lower_heat,
            litres: self.flow.litres,
            inlet: self.inlet(),
            ambient,
        });
        self.balance.heat += (upper_heat + lower_heat) * STEP;
        self.balance.drawn += left.drawn;
        self.balance.lost += left.lost;
        self.ledger.book(
            date,
            Used {
                heat_pump: (pump_watts + CONTROLS_WATTS) * STEP,
                elements: self.element_watts() * STEP,
                heat_pump_seconds: if self.running.pump { STEP } else { 0.0 },
                element_seconds: if self.running.upper || self.running.lower { STEP } else { 0.0 },
            },
        );
        self.circuit.step(STEP, self.running.pump, ambient, self.tank.lower);
        self.seconds += STEP;
    }

    /// Decides what runs, from the mode, the sensors and what runs already.
    fn control(&mut self) {
        let before = self.running;
        let (upper, lower, set) = (self.tank.upper, self.tank.lower, self.setpoint);
        let below = Thresholds::of(self.mode);
        let full = upper >= set && lower >= set;
        let asks = |on: bool, temperature: f64, distance: f64| {
            if on { temperature < set } else { temperature < set - distance }
        };
        self.running = match self.mode {
            Mode::Vacation | Mode::Off => Running {
                lower: lower < FREEZE_LIMIT || (before.lower && lower < FREEZE_LIMIT + 2.0),
                ..Running::default()
            },
            Mode::HeatPump | Mode::Electric | Mode::EnergySaver | Mode::HighDemand => {
                let pump = self.mode.heat_pump()
                    && self.ambient() > refrigerant::COLDEST_AIR
                    && if before.pump {
                        !full
                    } else {
                        upper < set - below.pump_upper || lower < set - below.pump_lower
                    };
                let upper_on = self.mode != Mode::HeatPump && asks(before.upper, upper, below.element_upper);
                // One element at a time: the upper one first, as the wiring of such units has it.
                let lower_on = !upper_on
                    && matches!(self.mode, Mode::Electric | Mode::HighDemand)
                    && asks(before.lower, lower, below.element_lower);
                Running { pump, upper: upper_on, lower: lower_on }
            }
        };
        if upper >= HIGH_LIMIT {
            self.running = Running::default();
        }
        if self.running.pump && !before.pump {
            self.starts += 1;
        }
    }
}

/// A whole number near `value`, as the wire wants it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the casts saturate, and no value of the model comes near"
)]
pub(crate) fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// The index of the whole hour (or any other small positive number) below `value`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates at zero and the callers look the index up safely"
)]
pub(crate) fn whole_index(value: f64) -> usize {
    value.floor() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = Date::constant(2026, 5, 4);

    fn live(heater: &mut Heater, seconds: f64) {
        heater.live_until(heater.lived() + seconds, TODAY);
    }

    fn heater(mode: Mode, seed: u64) -> Heater {
        Heater::new(
            Build {
                volume: Volume::Gallons65,
                mode,
                setpoint: 55.0,
                litres_a_day: 260.0,
                hour: 6.5,
                first_shower: None,
            },
            seed,
            TODAY,
            0,
        )
    }

    #[test]
    fn the_first_law_holds_in_every_mode() {
        for (seed, mode) in [Mode::HeatPump, Mode::Electric, Mode::EnergySaver, Mode::HighDemand, Mode::Off]
            .into_iter()
            .enumerate()
        {
            let mut heater = heater(mode, seed as u64);
            let before = heater.tank().joules_above(0.0);
            live(&mut heater, 14.0 * 86_400.0);
            let stored = heater.tank().joules_above(0.0) - before;
            let Balance { heat, drawn, lost } = heater.balance();
            let scale = heat.max(drawn).max(1.0);
            assert!(
                (heat - drawn - lost - stored).abs() < 0.01 * scale,
                "{mode:?} {heat} {drawn} {lost} {stored}"
            );
        }
    }

    #[test]
    fn temperatures_stay_where_water_stays() {
        for seed in 0..20 {
            let mut heater = heater(Mode::HighDemand, seed);
            for _ in 0..2000 {
                live(&mut heater, 120.0);
                let tank = heater.tank();
                assert!(
                    tank.lower > 10.0 && tank.upper <= 57.0 && tank.lower <= tank.upper + 1e-9,
                    "{tank:?}"
                );
            }
        }
    }

    #[test]
    fn energy_is_the_integral_of_power() {
        let mut heater = heater(Mode::EnergySaver, 5);
        let before = heater.ledger().total();
        let mut integral = 0.0;
        for _ in 0..17_280 {
            live(&mut heater, STEP);
            integral += heater.watts() * STEP;
        }
        let after = heater.ledger().total();
        let counted = after.heat_pump + after.elements - before.heat_pump - before.elements;
        assert!((integral - counted).abs() < 0.01 * counted, "{integral} {counted}");
    }

    #[test]
    fn the_heat_pump_gives_more_than_it_takes_and_elements_do_not() {
        for (mode, least, most) in [(Mode::HeatPump, 2.0, 5.0), (Mode::Electric, 0.97, 1.0)] {
            let mut heater = heater(mode, 9);
            live(&mut heater, 7.0 * 86_400.0);
            let used = heater.ledger().total();
            let ratio = heater.balance().heat / (used.heat_pump + used.elements);
            assert!((least..=most).contains(&ratio), "{mode:?}: {ratio}");
        }
    }

    #[test]
    fn a_demand_is_met_and_then_it_rests() {
        let mut heater = heater(Mode::HeatPump, 2);
        heater.set_setpoint(60.0);
        assert!(heater.running().pump);
        heater.draws = Draws::new(1, 0.0, None);
        live(&mut heater, 8.0 * 3600.0);
        assert!(!heater.running().any() && heater.tank().upper > 56.9, "{:?}", heater.tank());
    }

    #[test]
    fn switched_off_it_takes_nothing_and_on_again_it_remembers_its_mode() {
        let mut heater = heater(Mode::HighDemand, 3);
        heater.set_mode(Mode::Off);
        live(&mut heater, 3600.0);
        assert!(!heater.running().any() && heater.watts() < 2.0);
        heater.power_on();
        assert_eq!(heater.mode(), Mode::HighDemand);
    }
}
