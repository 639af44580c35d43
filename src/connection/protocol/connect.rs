//! The CONNECT packet of a plan.
//!
//! Pure. Never cuts a string to fit.

use std::time::Duration;

use crate::connection::carried::Carried;
use crate::connection::packet::{Connect, Will};
use crate::connection::plan::{Plan, Version};

use super::LONGEST;

/// What the plan asks for. A client id that the broker made up earlier is kept.
pub(super) fn connect(plan: &Plan, carried: &Carried) -> Connect {
    let client_id = match plan.client_id.as_str() {
        "" => carried.client_id().unwrap_or_default(),
        ours => ours.to_owned(),
    };
    Connect {
        version: plan.version,
        client_id,
        login: plan.login.clone(),
        will: plan.last_will.as_ref().map(|will| Will {
            topic: will.topic.clone(),
            payload: will.payload.clone(),
            qos: will.qos,
            retain: will.retain,
            delay: seconds(will.delay),
        }),
        clean: plan.clean_session,
        keep_alive: u16::try_from(seconds(plan.keep_alive)).unwrap_or(u16::MAX),
        session_expiry: seconds(plan.mqtt5.session_expiry),
        receive_maximum: plan.mqtt5.receive_maximum,
        maximum_packet_size: u32::try_from(plan.max_packet_size).unwrap_or(u32::MAX),
        user_properties: plan.mqtt5.user_properties.clone(),
    }
}

/// Whole seconds. Zero would switch a supervision off, so a part of a second counts as a whole one. The largest number
/// means "for ever" where MQTT 5 has a meaning for that.
fn seconds(duration: Duration) -> u32 {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    u32::try_from(whole).unwrap_or(u32::MAX)
}

/// Whether every part fits into the two bytes of its length.
pub(super) fn encodable(connect: &Connect) -> bool {
    let login = connect.login.iter().flat_map(|(user, password)| [user.len(), password.expose().len()]);
    let will = connect.will.iter().flat_map(|will| [will.topic.len(), will.payload.len()]);
    let user = connect.user_properties.iter().flat_map(|(key, value)| [key.len(), value.expose().len()]);
    let user = user.filter(|_| connect.version == Version::V5);
    login.chain(will).chain(user).chain([connect.client_id.len()]).all(|length| length <= LONGEST)
}
