//! Every fault of a subscription is told where it stands, with what would be right.

use hangup::config::mapping::from_text;

use crate::world::one;

fn fault(toml: &str) -> String {
    from_text(toml).expect_err(toml)
}

#[test]
fn a_subscription_is_checked() {
    for (subscribe, expected) in [
        ("qos = \"1\"", "must be a number without quotes (write `1`)"),
        ("expire = \"5M\"", "its units are small letters (write `5m`), or `never`"),
        ("expire = \"800days\"", "allowed is 1s to 366days"),
        ("labels = { room = 5 }", "subscribe 1, labels.room: must be a string in quotes"),
        ("required = \"true\"", "required: must be without quotes (write `true`)"),
        ("qos = 3", "text:3: subscribe 1, qos: `3` is not a whole number from 0 to 2"),
        ("pattern = \"(\"", "subscribe 1, pattern: is not a regular expression"),
        ("device = \"{room}\"", "`{room}` is no named group of `pattern` (write there `(?<room>[^/]+)`)"),
        ("device = \"{*}\"", "is one for the whole message"),
        ("format = \"xml\"", "`xml` is not one of `\"auto\"`, `\"json\"`, `\"text\"`, `\"csv\"`"),
        ("retained = \"yes\"", "is not one of `\"ignore\"`, `\"show\"`, `\"accept\"`"),
        ("expire = 5", "`5` is not a duration (write for example `30s`), or `never`"),
        (
            "include = [\"a\", \"a/#/b\"]",
            "subscribe 1, include: number 2 has a `#` that is not alone at the end (write for example",
        ),
        ("exclude = [\"$share/g/a\"]", "number 1 is a shared subscription: leave `$share/group/` out here"),
        (
            "availability = { topic = \"home/{device}/s\" }",
            "has `{device}`, and the subscription has no `device`",
        ),
        ("availability = { topic = \"home/x{device}\" }", "is not a topic with `{device}` as a level"),
        ("availability = { topic = \"s\", online = \"x\", offline = \"x\" }", "is the same word as `online`"),
        ("preset = \"nothing\"", "`nothing` is no preset"),
        ("retain = 1", "is not a field (did you mean `retained`?)"),
    ] {
        let told = fault(&one(subscribe, "name = \"a_watts\""));
        assert!(told.contains(expected), "{subscribe}\n{told}");
    }
    assert!(fault("[subscribe]\nfilter = \"a\"").contains("write `[[subscribe]]`"));
    let metric = fault("[[subscribe]]\nfilter = \"a\"\n[subscribe.metric]\nname = \"a_watts\"");
    assert!(metric.contains("write `[[subscribe.metric]]`"), "{metric}");
    assert!(fault("[[subscribe]]\n").contains("subscribe 1, filter: is missing (write for example"));
}

#[test]
fn a_rule_is_checked() {
    for (metric, expected) in [
        ("", "text:4: subscribe 1, metric 1, name: is missing"),
        ("name = \"a b\"", "is not a metric name"),
        ("name = \"mqtt_x\"", "begins like this exporter's own metrics (`mqtt_…`)"),
        ("name = \"a_count\"", "only the parts of a histogram do"),
        ("name = \"a_watts\"\ntype = \"counter\"", "is a counter: write `a_watts_total`"),
        ("name = \"a_total\"", "leave `_total` or `_info` out"),
        (
            "name = \"a_watts\"\nunit = \"volts\"",
            "does not end in the unit `_volts` (write for example `a_watts_volts`)",
        ),
        ("name = \"a_watts\"\ntype = \"summary\"", "is not one of `\"gauge\"`"),
        ("name = \"a_watts\"\ntype = \"histogram\"", "write for example `buckets = [0.1, 1, 10]`"),
        ("name = \"a_watts\"\nbuckets = [1]", "belongs to `type = \"histogram\"` only"),
        (
            "name = \"a_s\"\ntype = \"histogram\"\nbuckets = [2, 1]",
            "must be 1 to 64 ascending numbers from 0 on",
        ),
        ("name = \"a\"\ntype = \"state\"", "needs 1 to 64 words"),
        ("name = \"a_info\"\ntype = \"info\"", "are all that an info metric tells"),
        ("name = \"a_watts\"\npath = \"a..b\"", "is not a path (write for example `channels[*].power`)"),
        ("name = \"a_watts\"\npath = \"**\"", "must hold `{path}` beside `path = \"**\"`"),
        ("name = \"a_{path}\"\npath = \"b\"", "holds `{path}`, which goes with `path = \"**\"` only"),
        ("name = \"a_watts\"\nvalue = \"x +\"", "is not an expression"),
        (
            "name = \"a_watts\"\nvalue = \"sin(x)\"",
            "`sin(x)` is not an expression: it may hold numbers, `x`, the `inputs`",
        ),
        (
            "name = \"a_watts\"\nvalues = { on = \"1\" }",
            "metric 1, values.on: must be a number without quotes",
        ),
        ("name = \"a_watts\"\nscale = 0", "every value would be 0"),
        ("name = \"a_watts\"\npath = \"$.a.b\"", "as in JSONPath, and here without: write `a.b`"),
        ("name = \"a_watts\"\npath = \"$[0].b\"", "write `[0].b`"),
        ("name = \"a_watts\"\npath = \"$['a b'].c\"", "write `'a b'.c`"),
        ("name = \"a_watts\"\npath = \"$\"", "is the whole payload: leave `path` out"),
        (
            "name = \"a_watts\"\nvalue = \"x * volts\"",
            "`volts` is neither `x`, the value at `path`, nor one of `inputs`",
        ),
        ("name = \"a_watts\"\nvalue = \"x\"\nscale = 2", "write `scale` and `offset` into it"),
        ("name = \"a_watts\"\nlabels = { le = \"x\" }", "`le` has a meaning of its own"),
        ("name = \"a_watts\"\nlabels = { device = \"x\" }", "the label `device` has its own template"),
        ("name = \"a_watts\"\nlabels = { a = \"{*}\" }", "`{*}` needs a wildcard in `path`"),
        (
            "name = \"a_watts\"\nlabels = { a = \"{payload.b[*].c}\" }",
            "its wildcards must be those of `path`",
        ),
        ("name = \"a_watts\"\nlabels = { a = \"{nope}\" }", "`{nope}` is no named group of `pattern`"),
        ("name = \"a_watts\"\nwhen = { \"a[\" = 1 }", "is not a path"),
        ("name = \"a_watts\"\nread = \"roman\"", "is not one of `\"number\"`, `\"hex\"`"),
        ("name = \"a_watts\"\nexpir = \"1m\"", "did you mean `expire`?"),
    ] {
        let told = fault(&one("", metric));
        assert!(told.contains(expected), "{metric}\n{told}");
    }
    let two =
        format!("{}{}", one("", "name = \"a\""), one("", "name = \"a\"\ntype = \"state\"\nstates = [\"x\"]"));
    assert!(fault(&two).contains("`a` is there with two types"));
}
