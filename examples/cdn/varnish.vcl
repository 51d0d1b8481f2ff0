# Cohort caching in front of rayce, for Varnish 6.0 to 7.x without further modules. docs/cdn.md explains it.
#
#   GET /reco/<slot>[/<limit>]   recommendations      cookie `rayce_user`: who asks, as the shop's backend has set it
#   GET /decide/<slot>           what a slot shows
#
# Each request goes through twice: first the edge is asked for the visitor's cohort (never kept), then the cohort's reply is
# looked up. Put in: the edge's address, an API key with the scope `read`, and who may purge.

vcl 4.1;

import std;

backend edge {
    .host = "127.0.0.1";
    .port = "8000";
    .connect_timeout = 0.5s;
    .first_byte_timeout = 2s;
    .between_bytes_timeout = 2s;
    .probe = { .url = "/healthz"; .interval = 1s; .timeout = 0.5s; .window = 3; .threshold = 2; .initial = 2; }
}

# The edges, which purge by themselves when rules, lists or slots change; and you.
acl purgers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.restarts == 0) {
        # Ours between the passes; a client's word does not count.
        unset req.http.rayce-pass;
        unset req.http.rayce-what;
        unset req.http.rayce-cohort;
        unset req.http.rayce-whose;
    }
    if (req.method == "BAN") {
        return (synth(700));
    }

    if (req.http.rayce-pass) {
        # The second pass and those after it: nothing of the visitor is left but the cohort.
        set req.url = "/v1/cohorts/" + req.http.rayce-cohort + "/" + req.http.rayce-what;
        if (req.http.rayce-pass == "content" && std.healthy(req.backend_hint)) {
            set req.grace = 60s;    # cdn.stale_s; more only while no edge answers
        }
        return (hash);
    }

    if (req.url ~ "^/(reco|decide)/") {
        if (req.method != "GET" && req.method != "HEAD") {
            return (synth(405));
        }
        if (req.url ~ "^/reco/[A-Za-z0-9_.-]{1,64}(/([1-9][0-9]?|100))?(\?.*)?$") {
            set req.http.rayce-what = regsub(req.url, "^/reco/([A-Za-z0-9_.-]+)(?:/([0-9]+))?.*$", "recommendations?slot=\1&limit=\2");
            set req.http.rayce-what = regsub(req.http.rayce-what, "&limit=$", "&limit=10");
        } elsif (req.url ~ "^/decide/[A-Za-z0-9_.-]{1,64}(\?.*)?$") {
            set req.http.rayce-what = regsub(req.url, "^/decide/([A-Za-z0-9_.-]+).*$", "decisions?slots=\1");
        } else {
            return (synth(404));
        }
        set req.http.rayce-whose = "/v1/cohort";
        if (req.http.Cookie ~ "(^|;\s*)rayce_user=[A-Za-z0-9_~-]{1,128}(;|$)") {
            set req.http.rayce-whose = "/v1/users/"
                + regsub(req.http.Cookie, "^(?:.*;\s*)?rayce_user=([A-Za-z0-9_~-]{1,128})(?:;.*)?$", "\1") + "/cohort";
        }
        set req.http.rayce-pass = "cohort";
        set req.url = req.http.rayce-whose;
        set req.http.rayce-address = client.ip;
        set req.http.Authorization = "Bearer RAYCE_KEY";
        set req.http.Host = "rayce";
        unset req.http.rayce-whose;
        unset req.http.Cookie;
        # One visitor's hurry, or a version that nobody has, must not decide what others get.
        unset req.http.rayce-deadline-ms;
        unset req.http.rayce-priority;
        unset req.http.rayce-cache-version;
        unset req.http.Sec-Purpose;
        return (pass);
    }

    # Everything else is rayce's own API with the caller's own key: passed on, never kept.
    return (pass);
}

sub vcl_backend_fetch {
    unset bereq.http.rayce-what;
    if (!bereq.http.rayce-pass) {
        return (fetch);
    }
    unset bereq.http.X-Forwarded-For;
    unset bereq.http.Origin;
    unset bereq.http.Sec-Fetch-Site;
    if (bereq.http.rayce-pass == "cohort") {
        unset bereq.http.If-None-Match;
        unset bereq.http.If-Modified-Since;
    } else {
        # What is shared is asked for without a trace of the one who happens to be first.
        unset bereq.http.rayce-address;
        unset bereq.http.User-Agent;
        unset bereq.http.Accept-Language;
        unset bereq.http.Referer;
        unset bereq.http.rayce-referrer;
        unset bereq.http.rayce-timezone;
        unset bereq.http.rayce-cohort;
    }
    unset bereq.http.rayce-pass;
}

sub vcl_backend_response {
    if (bereq.uncacheable) {
        return (deliver);
    }
    if (beresp.status >= 500 && bereq.is_bgfetch) {
        return (abandon);    # what is stale stays
    }
    if (beresp.status != 200 || beresp.http.Cache-Control !~ "(^|,\s*)public(,|$)" || beresp.http.Set-Cookie) {
        set beresp.uncacheable = true;
        set beresp.ttl = 0s;
        return (deliver);
    }
    set beresp.grace = 24h;    # stale-if-error (cdn.error_s); vcl_recv says when less will do
}

sub vcl_deliver {
    if (req.http.rayce-pass == "cohort") {
        # Where the edge does not answer: what everybody gets.
        set req.http.rayce-cohort = "v1";
        if (resp.status == 200 && resp.http.rayce-cohort ~ "^v1[A-Za-z0-9_.-]{0,198}$") {
            set req.http.rayce-cohort = resp.http.rayce-cohort;
        }
        set req.http.rayce-pass = "content";
        return (restart);
    }
    if (req.http.rayce-pass && resp.status >= 400 && resp.status != 404) {
        if (req.http.rayce-pass == "content") {
            set req.http.rayce-pass = "stale";
            return (restart);
        }
        if (req.http.rayce-pass == "stale") {
            set req.http.rayce-pass = "everybody";
            set req.http.rayce-cohort = "v1";
            return (restart);
        }
    }
    if (req.http.rayce-pass) {
        # To the browser, and to caches on its way, it is the visitor's own: the same address gives others something else.
        set resp.http.Cache-Control = "private, no-cache";
        unset resp.http.Surrogate-Key;
        unset resp.http.rayce-cohort;
        unset resp.http.rayce-cache-version;
        unset resp.http.Vary;
        unset resp.http.Age;
        unset resp.http.Server-Timing;
        unset resp.http.RateLimit;
        unset resp.http.RateLimit-Policy;
        set resp.http.rayce-cdn = "MISS";
        if (obj.hits > 0) {
            set resp.http.rayce-cdn = "HIT";
        }
    }
    unset resp.http.X-Varnish;
    unset resp.http.Via;
}

# BAN with `rayce-tenant: t-…`, `rayce-purge: <key> <key> …`, or both (then both must hold).
sub vcl_synth {
    if (resp.status != 700) {
        return (deliver);
    }
    if (client.ip !~ purgers) {
        set resp.status = 403;
        set resp.reason = "Not a purger";
    } elsif ((req.http.rayce-tenant && req.http.rayce-tenant !~ "^t-[0-9a-f]{12}$")
        || (req.http.rayce-purge && req.http.rayce-purge !~ "^[a-z]+-[a-z0-9]+( [a-z]+-[a-z0-9]+)*$")
        || (!req.http.rayce-tenant && !req.http.rayce-purge)) {
        set resp.status = 400;
        set resp.reason = "No surrogate keys";
    } else {
        set req.http.rayce-tenant = regsub(req.http.rayce-tenant, "^$", "t-[0-9a-f]+");
        set req.http.rayce-purge = regsub(req.http.rayce-purge, "^$", "t-[0-9a-f]+");
        # Words of a ban are parted by spaces, so there is none in its expressions.
        ban("obj.http.surrogate-key ~ (^|\s)" + req.http.rayce-tenant + "(\s|$)"
            + " && obj.http.surrogate-key ~ (^|\s)(" + regsuball(req.http.rayce-purge, " ", "|") + ")(\s|$)");
        set resp.status = 200;
        set resp.reason = "Forgotten";
    }
    set resp.body = resp.reason;
    return (deliver);
}
