//! A tank of water in two layers that is heated, drawn from and cooled by its surroundings. Pure.
//!
//! Never creates or loses heat: what goes in is in the water, was drawn, or was lost to the room.

/// Joules that warm one litre of water by one kelvin.
pub const JOULES_PER_LITRE_KELVIN: f64 = 4186.0;

/// Heat exchanged between the layers by conduction, in watts per kelvin.
const CONDUCTION: f64 = 1.5;

/// Two layers of water; the upper one feeds the taps, the lower one takes the cold water.
#[derive(Clone, Debug, PartialEq)]
pub struct Tank {
    /// Litres above the middle.
    pub upper_litres: f64,
    /// Litres below the middle.
    pub lower_litres: f64,
    /// Degrees Celsius.
    pub upper: f64,
    /// Degrees Celsius.
    pub lower: f64,
    /// Standby loss of the whole tank in watts per kelvin above the room.
    pub loss: f64,
}

/// What happens to the tank during a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Length in seconds; at most a few, so that the layers stay stable.
    pub seconds: f64,
    /// Heat into the upper layer in watts.
    pub upper_watts: f64,
    /// Heat into the lower layer in watts.
    pub lower_watts: f64,
    /// Hot water drawn in litres.
    pub litres: f64,
    /// Cold water in degrees Celsius.
    pub inlet: f64,
    /// Air around the tank in degrees Celsius.
    pub ambient: f64,
}

/// Heat that left the tank during a step, in joules.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Left {
    /// With the drawn water, counted from the inlet temperature.
    pub drawn: f64,
    /// Through the insulation.
    pub lost: f64,
}

impl Tank {
    /// A tank of `litres` at one temperature.
    #[must_use]
    pub fn new(litres: f64, celsius: f64) -> Self {
        Self {
            upper_litres: litres * 0.55,
            lower_litres: litres * 0.45,
            upper: celsius,
            lower: celsius,
            // A 65 gallon tank loses about 85 W at 35 K above the room.
            loss: 0.01 * litres,
        }
    }

    /// Heat in the water above `reference` degrees Celsius, in joules.
    #[must_use]
    pub fn joules_above(&self, reference: f64) -> f64 {
        JOULES_PER_LITRE_KELVIN
            * (self.upper_litres * (self.upper - reference) + self.lower_litres * (self.lower - reference))
    }

    /// Heat needed to bring both layers to `target` degrees Celsius, in joules.
    #[must_use]
    pub fn joules_missing(&self, target: f64) -> f64 {
        JOULES_PER_LITRE_KELVIN
            * (self.upper_litres * (target - self.upper).max(0.0)
                + self.lower_litres * (target - self.lower).max(0.0))
    }

    /// Temperature of the whole tank if it were mixed, in degrees Celsius.
    #[must_use]
    pub fn mean(&self) -> f64 {
        (self.upper_litres * self.upper + self.lower_litres * self.lower)
            / (self.upper_litres + self.lower_litres)
    }

    /// Lets the step happen and says where the heat went.
    pub fn step(&mut self, step: Step) -> Left {
        let drawn = JOULES_PER_LITRE_KELVIN * step.litres * (self.upper - step.inlet);
        let risen = JOULES_PER_LITRE_KELVIN * step.litres * (self.lower - step.inlet);
        let conducted = CONDUCTION * (self.upper - self.lower) * step.seconds;
        let total = self.upper_litres + self.lower_litres;
        let lost_upper = self.loss * self.upper_litres / total * (self.upper - step.ambient) * step.seconds;
        let lost_lower = self.loss * self.lower_litres / total * (self.lower - step.ambient) * step.seconds;

        let upper = step.upper_watts * step.seconds - (drawn - risen) - conducted - lost_upper;
        let lower = step.lower_watts * step.seconds - risen + conducted - lost_lower;
        self.upper += upper / (JOULES_PER_LITRE_KELVIN * self.upper_litres);
        self.lower += lower / (JOULES_PER_LITRE_KELVIN * self.lower_litres);
        // Warm water rises at once: heating from below mixes the tank.
        if self.lower > self.upper {
            let mean = self.mean();
            self.upper = mean;
            self.lower = mean;
        }
        Left { drawn, lost: lost_upper + lost_lower }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Step =
        Step { seconds: 5.0, upper_watts: 0.0, lower_watts: 0.0, litres: 0.0, inlet: 12.0, ambient: 20.0 };

    #[test]
    fn every_joule_is_accounted_for() {
        let mut tank = Tank::new(246.0, 45.0);
        let before = tank.joules_above(0.0);
        let (mut heat, mut left) = (0.0, Left::default());
        for i in 0..20_000_u32 {
            let step = Step {
                upper_watts: if i % 3 == 0 { 4800.0 } else { 0.0 },
                lower_watts: 1400.0,
                litres: if i % 400 < 100 { 0.7 } else { 0.0 },
                ..IDLE
            };
            heat += (step.upper_watts + step.lower_watts) * step.seconds;
            let out = tank.step(step);
            left.drawn += out.drawn;
            left.lost += out.lost;
        }
        let stored = tank.joules_above(0.0) - before;
        assert!((heat - left.drawn - left.lost - stored).abs() < heat * 1e-6, "{heat} {left:?} {stored}");
    }

    #[test]
    fn a_draw_cools_the_lower_layer_first() {
        let mut tank = Tank::new(246.0, 55.0);
        for _ in 0..60 {
            tank.step(Step { litres: 0.8, ..IDLE });
        }
        assert!(tank.upper > 50.0 && tank.lower < 40.0, "{tank:?}");
    }

    #[test]
    fn a_tank_left_alone_approaches_the_room() {
        let mut tank = Tank::new(189.0, 60.0);
        let mut last = tank.mean();
        for _ in 0..17_280 {
            tank.step(IDLE);
            assert!(tank.mean() <= last && tank.mean() > 20.0);
            last = tank.mean();
        }
        assert!(last < 56.0, "a day of standby loss is seen: {last}");
    }

    #[test]
    fn heat_from_below_mixes_the_tank() {
        let mut tank = Tank::new(189.0, 40.0);
        for _ in 0..1000 {
            tank.step(Step { lower_watts: 1500.0, ..IDLE });
        }
        assert!(tank.upper > 45.0 && (tank.upper - tank.lower).abs() < 0.5, "{tank:?}");
    }
}
