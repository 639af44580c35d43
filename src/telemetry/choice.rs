//! What a scraper asks for of the page: `name[]=…` takes only these families, `exclude[]=…` leaves these out. Pure.
//!
//! Never a fault where nothing fits: a family of readings may not be there yet.

/// Names of families that are wanted, and of those that are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// None: all of them.
    only: Vec<Name>,
    without: Vec<Name>,
}

/// The name of a family, or what names begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Is(String),
    Begins(String),
}

impl Choice {
    /// What the fields of a query ask for, with or without their brackets. Other fields are not ours to judge.
    ///
    /// # Errors
    /// A value that no family can be called.
    pub fn of(query: &[(String, String)]) -> Result<Self, String> {
        let mut choice = Self::default();
        for (field, value) in query {
            match field.as_str() {
                "name" | "name[]" => choice.only.push(Name::of(field, value)?),
                "exclude" | "exclude[]" => choice.without.push(Name::of(field, value)?),
                _ => {}
            }
        }
        Ok(choice)
    }

    /// Whether the family whose samples are called so is on the page. `exclude[]` counts more than `name[]`.
    #[must_use]
    pub fn takes(&self, family: &str) -> bool {
        let among = |names: &[Name]| names.iter().any(|name| name.fits(family));
        (self.only.is_empty() || among(&self.only)) && !among(&self.without)
    }
}

impl Name {
    fn of(field: &str, value: &str) -> Result<Self, String> {
        let (name, begins) = value.strip_suffix('*').map_or((value, false), |start| (start, true));
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        if !name.chars().all(fits) || (name.is_empty() && !begins) {
            return Err(format!(
                "`{field}={}` is not the name of a metric, or the beginning of names and a `*`; write for example \
                 `name[]=mqtt_client_connected` or `exclude[]=mqtt_client_*`",
                value.escape_debug()
            ));
        }
        Ok(if begins { Self::Begins(name.to_owned()) } else { Self::Is(name.to_owned()) })
    }

    /// OpenMetrics calls counters and infos without their suffixes.
    fn fits(&self, family: &str) -> bool {
        match self {
            Self::Is(name) => {
                family.strip_prefix(name.as_str()).is_some_and(|rest| matches!(rest, "" | "_total" | "_info"))
            }
            Self::Begins(start) => family.starts_with(start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(query: &[(&str, &str)]) -> Result<Choice, String> {
        let owned = |(field, value): &(&str, &str)| ((*field).to_owned(), (*value).to_owned());
        Choice::of(&query.iter().map(owned).collect::<Vec<_>>())
    }

    #[test]
    fn without_a_word_everything_is_wanted() {
        assert!(Choice::default().takes("mqtt_client_connected"));
        assert_eq!(choice(&[("format", "prometheus")]), Ok(Choice::default()));
    }

    #[test]
    fn names_are_whole_or_beginnings_and_what_is_excluded_stays_out() {
        let some = choice(&[("name[]", "mqtt_client_sessions"), ("name", "navien_*")]).unwrap();
        assert!(some.takes("mqtt_client_sessions_total"), "as OpenMetrics calls it");
        assert!(some.takes("navien_power_watts"));
        assert!(!some.takes("mqtt_client_sessions_open"), "another name that begins so");
        let fewer =
            choice(&[("name[]", "*"), ("exclude[]", "mqtt_client_*"), ("exclude", "hangup_build_info")]);
        let fewer = fewer.unwrap();
        assert!(fewer.takes("navien_power_watts") && fewer.takes("hangup_build_time"));
        assert!(!fewer.takes("mqtt_client_connected") && !fewer.takes("hangup_build_info"));
    }

    #[test]
    fn what_no_family_is_called_is_a_fault() {
        for wrong in ["", "mqtt client", "mqtt_client_connected{connection=\"home\"}", "*_total", "a\n"] {
            for field in ["name[]", "exclude[]"] {
                let why = choice(&[(field, wrong)]).unwrap_err();
                assert!(why.contains(field) && why.contains("`name[]=mqtt_client_connected`"), "{why}");
                assert!(!why.contains('\n'), "{why:?}");
            }
        }
    }
}
