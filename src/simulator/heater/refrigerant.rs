//! The heat pump: what it takes, what it gives, and the temperatures of its circuit. Pure.
//!
//! Never runs on its own: the heater decides when.

/// Coldest air the heat pump works in, in degrees Celsius.
pub const COLDEST_AIR: f64 = -5.0;

/// Share of the ideal (Carnot) efficiency that a small heat pump reaches.
const SHARE_OF_IDEAL: f64 = 0.45;

/// Seconds in which the circuit's temperatures move most of the way to where they settle.
const LAG: f64 = 90.0;

/// Electrical power in watts while heating water of this temperature (compressor and fan).
#[must_use]
pub fn electrical_watts(water: f64) -> f64 {
    // 466 W were seen at about 50 degC; a compressor works harder against hotter water.
    300.0 + 3.3 * water.clamp(10.0, 65.0)
}

/// Heat delivered per electricity taken, from air and water temperatures in degrees Celsius.
#[must_use]
pub fn efficiency(air: f64, water: f64) -> f64 {
    let hot = water + 5.0 + 273.15;
    let cold = air - 10.0 + 273.15;
    (SHARE_OF_IDEAL * hot / (hot - cold).max(20.0)).clamp(1.2, 5.5)
}

/// The temperatures and the fan of the circuit; they follow the compressor with a lag.
#[derive(Clone, Debug, PartialEq)]
pub struct Circuit {
    /// Degrees Celsius.
    pub evaporator: f64,
    /// Degrees Celsius.
    pub suction: f64,
    /// Degrees Celsius.
    pub discharge: f64,
    /// Revolutions a minute that the fan should reach.
    pub fan_target: f64,
    /// Revolutions a minute of the fan.
    pub fan: f64,
    /// Position of the expansion valve in steps.
    pub valve: f64,
}

impl Circuit {
    /// A circuit at rest in air of this temperature.
    #[must_use]
    pub fn at_rest(air: f64) -> Self {
        Self { evaporator: air, suction: air, discharge: air, fan_target: 0.0, fan: 0.0, valve: 480.0 }
    }

    /// Difference of suction and evaporator in kelvin.
    #[must_use]
    pub fn super_heat(&self) -> f64 {
        self.suction - self.evaporator
    }

    /// Moves on by `seconds`.
    pub fn step(&mut self, seconds: f64, running: bool, air: f64, water: f64) {
        let (evaporator, suction, discharge, fan, valve) = if running {
            let evaporator = air - 13.0;
            // Cold air needs more of it.
            let fan = (1250.0 - 8.0 * air).clamp(800.0, 1400.0);
            (evaporator, evaporator + 3.0, water + 18.0, fan, 90.0 + 1.5 * air.max(0.0))
        } else {
            (air, air, air.max(water - 25.0), 0.0, 480.0)
        };
        let part = 1.0 - (-seconds / LAG).exp();
        self.evaporator += (evaporator - self.evaporator) * part;
        self.suction += (suction - self.suction) * part;
        self.discharge += (discharge - self.discharge) * part;
        self.valve += (valve - self.valve) * part;
        self.fan_target = fan;
        // A fan is at speed in seconds.
        self.fan += (fan - self.fan) * (1.0 - (-seconds / 4.0).exp());
        if !running && self.fan < 5.0 {
            self.fan = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_air_and_cool_water_make_it_efficient() {
        assert!(efficiency(25.0, 40.0) > efficiency(25.0, 60.0));
        assert!(efficiency(25.0, 50.0) > efficiency(5.0, 50.0));
        let usual = efficiency(20.0, 50.0);
        assert!((2.5..4.0).contains(&usual), "{usual}");
    }

    #[test]
    fn a_running_circuit_is_hot_on_one_side_and_cold_on_the_other() {
        let mut circuit = Circuit::at_rest(21.0);
        for _ in 0..200 {
            circuit.step(5.0, true, 21.0, 50.0);
        }
        assert!(circuit.evaporator < circuit.suction && circuit.suction < 21.0);
        assert!(circuit.discharge > 60.0 && circuit.fan > 1000.0, "{circuit:?}");
        for _ in 0..400 {
            circuit.step(5.0, false, 21.0, 50.0);
        }
        assert!(circuit.fan == 0.0 && (circuit.suction - 21.0).abs() < 0.5, "{circuit:?}");
    }
}
