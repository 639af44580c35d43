//! The CONNECT packet of a plan.
//!
//! Pure. Never cuts a string to fit.

use rumqttc::mqttbytes::Protocol as Version;
use rumqttc::mqttbytes::v4::{Connect, LastWill, Login};

use super::LONGEST;
use crate::connection::plan::Plan;
use crate::connection::subscriptions::qos;

/// What the plan asks for.
pub(super) fn connect(plan: &Plan) -> Connect {
    // Zero would switch the broker's own supervision off, so a part of a second counts as a whole one.
    let seconds = plan.keep_alive.as_secs() + u64::from(plan.keep_alive.subsec_nanos() > 0);
    Connect {
        protocol: Version::V4,
        keep_alive: u16::try_from(seconds).unwrap_or(u16::MAX),
        client_id: plan.client_id.clone(),
        clean_session: plan.clean_session,
        last_will: plan.last_will.as_ref().map(|will| LastWill {
            topic: will.topic.clone(),
            message: will.payload.clone(),
            qos: qos(will.qos),
            retain: will.retain,
        }),
        login: plan.login.as_ref().map(|(user, password)| Login::new(user.clone(), password.expose())),
    }
}

/// The codec would cut longer strings in two without a word.
pub(super) fn encodable(connect: &Connect) -> bool {
    let login = connect.login.iter().flat_map(|login| [login.username.len(), login.password.len()]);
    let will = connect.last_will.iter().flat_map(|will| [will.topic.len(), will.message.len()]);
    login.chain(will).chain([connect.client_id.len()]).all(|length| length <= LONGEST)
}
