%% @doc gwport lets Cowboy serve Go web apps that run in port programs under an Erlang supervisor.
%%
%% This is its API; README.md shows it in use. A pool is started in a supervisor of yours
%% ({@link child_spec/1}), and mounted by {@link gwport_handler}, {@link gwport_stream_h} or
%% {@link gwport_plug}.
-module(gwport).

-export([child_spec/1, pools/0, status/1, info/1, ready/1, counts/1, reload/1, reload/2]).
-export([resize/2, drain/1, request/2, request/3]).
-export([stacks/1, stacks/2, profile/3]).

-export_type([pool_options/0, mount_options/0, validate_options/0]).
-export_type([request_options/0, evidence_options/0]).
-export_type([request/0, response/0, error/0, wrong/0]).
-export_type([status/0, counts/0, port_info/0, readiness/0, reloaded/0]).

%% What edoc has of a type stands behind it.
-type text() :: unicode:chardata().
-type pool_options() :: #{
    name => atom(), command => text() | {priv, App :: atom(), text()},
    args => [text()],
    env => [{text() | atom(), text() | false}] | #{text() | atom() => text() | false},
    inherit => all | [text() | atom()], cd => text() | undefined, dev => boolean(),
    gomemlimit => pos_integer() | undefined, gomaxprocs => pos_integer() | undefined,
    ports => 1..1024, spare => 0..1024,
    recycle_requests => pos_integer() | infinity, recycle_age => pos_integer() | infinity,
    recycle_idle => pos_integer() | infinity, recycle_memory => pos_integer() | infinity,
    recycle_jitter => 0..100, max_streams => pos_integer(), peer_share => 1..100,
    max_queue => non_neg_integer(), queue_timeout => pos_integer(), window => pos_integer(),
    window_floor => pos_integer(), response_budget => non_neg_integer(),
    port_queue => pos_integer(), max_frame => pos_integer(), max_head => pos_integer(),
    last_stream => pos_integer(), greeting_timeout => pos_integer(),
    restart_delay => pos_integer(), max_restart_delay => pos_integer(),
    circuit_failures => pos_integer() | infinity, circuit_time => pos_integer(),
    drain_timeout => non_neg_integer(), stop_timeout => non_neg_integer(),
    kill_timeout => non_neg_integer(), ping_interval => pos_integer() | infinity,
    ping_timeout => pos_integer() | infinity, log_lines => non_neg_integer(),
    log_level => error | warning | notice | info | debug
} | proplists:proplist().
%% A pool's options, which child_spec/1 describes: a map, a keyword list or a property list. A new
%% pool has `name' and `command' among them.
-type mount_options() :: #{
    pool => atom(), app => text() | atom(),
    run => module() | fun((gwport_gateway:environ()) -> gwport_gateway:result()),
    validate => boolean() | validate_options(), head_timeout => timeout(),
    idle_timeout => timeout(), deadline => timeout(), max_target => pos_integer() | infinity,
    max_fields => pos_integer() | infinity, max_header => pos_integer() | infinity,
    max_body => non_neg_integer() | infinity, min_body_rate => non_neg_integer(),
    body_grace => pos_integer(), replay => boolean(), replay_body => non_neg_integer(),
    underscores => pass | drop, trusted_proxies => [unix | text() | inet:ip_address()],
    trusted_fields => [text()], access_log => none | combined | json
} | proplists:proplist().
%% The options of a route, by whichever mount: a map, a keyword list or a property list. One of
%% `pool' and `run' is there. README.md, "Options of a route", says what each means.
-type validate_options() :: #{
    exclude => [text() | atom()],
    report => log | fail | fun((gwport_finding:finding()) -> Ignored :: term())
} | proplists:proplist().
%% See gwport_validate:middleware/1.
-type request() :: #{
    method => binary() | string() | atom(), path => binary() | string(),
    query => binary() | string(),
    headers => [{name(), name()}] | #{name() => name()},
    body => iodata(), path_info => non_neg_integer()}.
%% A request without HTTP. Texts are binaries or charlists; a method, and a field's name and value,
%% may be atoms too. `path_info' is how many bytes of the path the app is mounted at.
-type name() :: binary() | string() | atom().
-type response() :: {Status :: 200..999, [{binary(), binary()}], Body :: binary()}.
%% The whole of a response.
-type request_options() :: #{
    app => text() | atom(), head_timeout => timeout(), idle_timeout => timeout(),
    deadline => timeout(), replay => boolean(), replay_body => non_neg_integer(),
    access_log => none | combined | json, max_target => pos_integer() | infinity,
    max_fields => pos_integer() | infinity, max_header => pos_integer() | infinity,
    max_body => non_neg_integer() | infinity, max_response => non_neg_integer()
} | proplists:proplist().
%% See request/3.
-type wrong() :: gwport_options:error().
%% An option that is wrong or missing: `{bad_option, {Key, Value, Why}}', where Why is a sentence, or
%% `{missing_option, Key}'.
-type error() :: gwport_status:reason() | {broken_off, gwport_status:reason()} | wrong()
  | {bad_option, {headers, {Name :: binary(), hidden}, Why :: string()}}
  | Crashed :: atom() | {atom(), atom()}.
%% Why a request got no response, or none that was whole (`broken_off'). The last two are of a fault
%% in gwport itself.
-type evidence_options() :: #{
    os_pid => any | pos_integer(), max_size => pos_integer(), timeout => pos_integer(),
    seconds => pos_integer(), file => text()
} | proplists:proplist().
%% See stacks/2 and profile/3.
-type status() :: gwport_pool:status().
%% See status/1.
-type port_info() :: #{
    owner := pid(), state := greeting | serving | spare | draining | ending | ended,
    uptime => non_neg_integer(), in_flight => non_neg_integer(), max_streams => pos_integer(),
    served => non_neg_integer(), credit_out => integer(), budget_left => integer(),
    os_pid => pos_integer() | undefined, program => binary(), version => binary(),
    apps => [binary()], queue => non_neg_integer()
} | #{
    state := waiting, why := binary(), failures := non_neg_integer(), circuit := closed | open,
    next_try := non_neg_integer() | circuit, queue => non_neg_integer()}.
%% A port, or one that is to be started again: see info/1.
-type counts() :: #{
    responses := #{1..9 => non_neg_integer()}, failures := #{atom() => pos_integer()},
    programs := #{up | drained | failed => non_neg_integer()},
    ends := #{gwport_count:ended() => non_neg_integer()},
    queue := #{waited | full | timeout => non_neg_integer()},
    replays := non_neg_integer(), bytes := #{in | out => non_neg_integer()},
    times := #{head | queue => gwport_count:times()}}.
%% See counts/1.
-type readiness() :: #{
    ports := non_neg_integer(), wanted := non_neg_integer(), queue := non_neg_integer(),
    circuit := closed | open}.
%% See ready/1.
-type reloaded() :: #{started := [port_info()], replaced := [port_info()]}.
%% See reload/2.

%% @doc A pool for your own supervisor. Options are a map, a keyword list or a property list.
%% Required: `name' (an atom) and `command' (a path, a name on PATH, or `{priv, App, File}'). The
%% others have defaults; sizes are bytes, times milliseconds.
%%
%% <ul>
%% <li>`args', `env', `cd': as of open_port/2; texts may be charlists or binaries</li>
%% <li>`inherit' (all): the variables of the BEAM's environment that a program gets; with a list of
%%     names it gets those, PATH, HOME, LANG, TZ and TMPDIR, and what `env' has</li>
%% <li>`gomemlimit' in bytes, `gomaxprocs': the variables GOMEMLIMIT and GOMAXPROCS of Go's
%%     runtime</li>
%% <li>`dev' (false): told to the program, whose handlers may ask `bridge.Dev', whose failures are
%%     pages for a browser, and whose Apps
%%     are held to the gateway's rules</li>
%% <li>`ports' (1): programs that run side by side</li>
%% <li>`spare' (0): programs that run without requests, each to take the place of one that ends,
%%     drains or is recycled</li>
%% <li>`recycle_requests', `recycle_age', `recycle_idle', `recycle_memory' (infinity): a program
%%     that has answered so many requests, has run or been idle for so long, or holds so many bytes
%%     of memory, makes room for another one, which is started first. The first three are up to
%%     `recycle_jitter' (10) per cent less, drawn for each port. A program that has answered nothing
%%     is recycled for its age alone</li>
%% <li>`max_streams' (1000): requests under way in one port; more wait for a place</li>
%% <li>`peer_share' (80): per cent of `max_streams' in each port, and of `max_queue', that may be of
%%     clients with one address, which gets 503 for more. 100: no bound</li>
%% <li>`max_queue' (1000, 0 for none): requests that may wait for a place, of the whole pool,
%%     because all ports are full or none is up; more get 503. `queue_timeout' (1000): how long one
%%     may wait, then it gets 503 too, as all do at once while the circuit is open</li>
%% <li>`window' (262144): response bytes a program may send before the client takes some</li>
%% <li>`response_budget' (67108864): windows a port gives out in all; when it is spent a request
%%     gets `window_floor' (16384). The most a port's clients can pile up is response_budget +
%%     max_streams * window_floor</li>
%% <li>`port_queue' (1048576): request bytes that wait in the BEAM for the program to read</li>
%% <li>`max_frame' (1048576), `max_head' (65536): larger frames end the port, larger response heads
%%     are 502</li>
%% <li>`restart_delay' (100), `max_restart_delay' (10000): of a program that ends soon; each time
%%     the delay is twice as long</li>
%% <li>`circuit_failures' (10, or infinity), `circuit_time' (30000): where a port has failed so
%%     often in a row, and none serves, one alone is tried, and again after between half of that
%%     time and all of it</li>
%% <li>`greeting_timeout' (10000), `drain_timeout' (30000)</li>
%% <li>`stop_timeout' (1000): what a program has to end by itself, when it has had its time to
%%     drain, has broken the wire, or has closed its output; then it is sent SIGTERM, with its
%%     process group, and after `kill_timeout' (1000) SIGKILL</li>
%% <li>`ping_interval' (10000), `ping_timeout' (30000): a program that does not answer is killed, as
%%     is one that does not confirm within 30 to 60 seconds that a request is given up. For a
%%     debugger, with `infinity', it is killed for neither; `greeting_timeout' and `drain_timeout'
%%     hold on</li>
%% <li>`log_lines' (200): lines a second of a program that reach the log; all programs of a node
%%     have 400 (`node_log_lines' in the application's environment)</li>
%% <li>`log_level' (info): `error', `warning', `notice', `info' or `debug', the least severe of a
%%     program's lines that reaches the log; what it prints is a notice</li>
%% <li>`last_stream' (2147483646): the last stream number of a port; then it is replaced</li>
%% </ul>
%%
%% Arguments and variables are kept from every report. The start fails with `{bad_option, {Key,
%% Value, Why}}', where Why is a sentence and the value of what may be secret is `hidden', or with
%% `{missing_option, Key}'; it does not fail when the program does not come up: requests wait, and
%% get 503, while it is tried again.
-spec child_spec(pool_options()) -> supervisor:child_spec().
child_spec(Options) ->
    #{id => {gwport, gwport_pool_options:name(Options)},
        start => {gwport_pool_sup, start_link, [gwport_secret:hide(Options)]},
        type => supervisor}.

%% @doc The names of the pools that run on this node, sorted. For people and monitors: it looks at
%% every persistent term of the node.
-spec pools() -> [atom()].
pools() ->
    gwport_pool:names().

%% @doc How a pool is, in one map for people and monitors:
%%
%% <ul>
%% <li>`uptime': milliseconds since it was started</li>
%% <li>`size': how many ports it is to have; `ports': how many there are in each state that info/1
%%     shows, spares and those that drain included</li>
%% <li>`in_flight': requests under way in all of its ports; `queue': requests that wait for a place
%%     now</li>
%% <li>`restarts': how many of its programs have ended otherwise than they were to, each of which is
%%     started again; in counts/1 this is `failed' of `programs'</li>
%% <li>`last_end': `why' the last of its programs has ended, in a sentence, and how many
%%     milliseconds `ago', or `none'; one that was to end is meant as well</li>
%% <li>`circuit': `closed', or `open' where one port is tried for all; `next_try': milliseconds
%%     until a port is started again, or `none'</li>
%% <li>`memory': bytes of its programs that are resident, 0 where the system has no /proc</li>
%% </ul>
-spec status(atom()) -> {ok, status()} | {error, no_pool}.
status(Pool) ->
    gwport_pool:status(Pool).

%% @doc What has become of a pool's requests and programs since it was started: `responses' by the
%% first digit of their status, those that gwport gave itself among them, and under 1 the
%% connections that apps have taken over; `failures', requests without an answer from an app or
%% without a whole one, by reason; `programs', how often one came `up', ended as it was to
%% (`drained') or otherwise (`failed'); `ends', these ends by their reason (below); `queue', how
%% many requests found no place at once and `waited', how many came when the queue was `full', and
%% for how many the time to wait was up (`timeout'); `replays', how many requests whose program had
%% died turned to another one; `bytes' of bodies, `in' to programs and `out' to clients; and
%% `times', in milliseconds, from a request's arrival to the `head' of its app's response, and for
%% which one that had to wait was in the `queue' until it had a place: how many took so long
%% `at_most', their `count' and `sum'.
%%
%% Programs that end as they were to were `told' (to stop, to drain, or that they are too many), were
%% `replaced' by a reload, `recycled', or drained of their own accord (`own_accord'). Others ended
%% before they were ready (`not_ready', wrong greetings included), `exited', were ended by a
%% `signal', were `unresponsive' (to a ping, to an abort, or to the answers to their own pings),
%% `broke_wire', that is a rule of SPEC.md, `gave_up' in words of their own, had not drained in time
%% (`drain_timeout'), or lost their port in the BEAM (`port_failed').
%%
%% The numbers only grow. A request that gwport answers itself is in both of the first two. A client
%% that leaves is `client_gone' under `gwport_stream_h': Cowboy kills the process of
%% `gwport_handler', which counts it only where telemetry is to be told, or an access log.
-spec counts(atom()) -> {ok, counts()} | {error, no_pool}.
counts(Pool) ->
    gwport_count:counts(Pool).

%% @doc The ports of a pool: owner, OS pid, state, `uptime' in milliseconds, requests in flight (of
%% `max_streams' at most) and served, `credit_out', how much of its `response_budget' is given out,
%% the program's name, version and apps; with each the `queue', how many requests wait for a place in
%% the pool.
%% The state of a spare one that is ready is `spare'. A port that is to be started again has the
%% state `waiting', and tells `why' there is none (a sentence), how many `failures' there were in a
%% row, the `circuit' (`closed' or `open'), and the `next_try', in milliseconds, or `circuit' where
%% another port is tried first. It has no process and no figures, and so none of the other keys.
-spec info(atom()) -> {ok, [port_info()]} | {error, no_pool}.
info(Pool) ->
    gwport_pool:info(Pool).

%% @doc Whether a request that comes now is served or may wait: a port is ready, and it has room, or
%% the queue has. With it, how many `ports' are ready of those `wanted', how many requests wait
%% (`queue'), and the `circuit'. No process is asked: it answers at once whatever the pool does.
-spec ready(atom()) -> {ready | not_ready, readiness()} | {error, no_pool}.
ready(Pool) ->
    gwport_pool:ready(Pool).

%% @equiv reload(Pool, #{})
-spec reload(atom()) -> gwport_reload:result().
reload(Pool) ->
    reload(Pool, #{}).

%% @doc Replaces a pool's programs while requests go on: a new binary goes live. As many as the pool
%% is to have are started beside those that run. When all of them are ready, new requests go to
%% them, and the others finish what they have, for `drain_timeout' at most. Changed are options of
%% child_spec/1 that are to be others from now on; all others are as they were given, and looked for
%% anew: `command' on PATH, or in the priv folder that its application has now. What was changed
%% lasts as long as the pool; who starts it again says what it is to be.
%%
%% It returns when the new programs serve: `started', their ports, and `replaced', those that
%% finish, as info/1 shows them (and `ended' for one that had nothing to finish). In the meantime,
%% which `greeting_timeout' bounds, there are twice as many programs.
%%
%% `{not_ready, Why}', a sentence: a new program did not come up, and nothing has changed; as with a
%% wrong option. `reloading', `draining': somebody else reloads the pool, or has it drain.
-spec reload(atom(), pool_options()) -> gwport_reload:result().
reload(Pool, Changed) ->
    gwport_reload:reload(Pool, Changed).

%% @doc A pool has so many ports from now on, until it is started again. More are started, or those
%% that are too many take no more requests and finish what they have; it does not wait for either.
-spec resize(atom(), Ports :: 1..1024) ->
    ok | {error, no_pool | reloading | draining | wrong()}.
resize(Pool, Ports) ->
    gwport_reload:resize(Pool, Ports).

%% @doc Has all ports of a pool finish what they have, for `drain_timeout' at most, and returns when
%% no program is left. New requests get 503 from now on; afterwards resize/2 and reload/1 have the
%% pool serve again. It is for the application's `prep_stop/1', behind `ranch:suspend_listener/1':
%% what handlers need beside the pool still runs then. A pool that is stopped drains in any case.
-spec drain(atom()) -> ok | {error, no_pool}.
drain(Pool) ->
    gwport_reload:drain(Pool).

%% @equiv request(Pool, Request, #{})
-spec request(atom(), request() | proplists:proplist()) ->
    {ok, response()} | {error, error()}.
request(Pool, Request) ->
    request(Pool, Request, #{}).

%% @doc Calls an app without HTTP and waits for the whole response. Options: `app', `head_timeout',
%% `idle_timeout', `deadline', `replay', `replay_body', `access_log', `max_target', `max_fields',
%% `max_header' and `max_body' as for a route (what is beyond one of the latter four is `{error,
%% too_large_target}', `too_many_fields', `too_large_header' or `too_large_body'), and
%% `max_response' (16777216), the most bytes of a body that are kept; more is `{error,
%% too_large_response}'. Both may be keyword or property lists.
%%
%% The app sees what it would see of a client: `host' (localhost if none is given) and, where there
%% is a body, `content-length' among the headers, whose names are in lower case; a path may bring
%% its query along. Text beyond Latin-1 goes as UTF-8. What is wrong is `{error, {bad_option, {Key,
%% Value, Why}}}'; of a request it is `{Key, hidden}', and for a header `{headers, {Name, hidden}}'.
-spec request(atom(), request() | proplists:proplist(), request_options()) ->
    {ok, response()} | {error, error()}.
request(Pool, Request, Options) ->
    gwport_client:request(Pool, Request, Options).

%% @equiv stacks(Pool, #{})
-spec stacks(atom()) ->
    {ok, [{pos_integer(), binary() | gwport_evidence:error()}]} | gwport_evidence:error().
stacks(Pool) ->
    stacks(Pool, #{}).

%% @doc The stacks of all goroutines of a pool's programs, as text, by their OS pids; all programs
%% are asked at the same time, and where one cannot tell there is `{error, {Reason, Why}}' in its
%% place. Options: `os_pid' (any), of the one program to ask; `max_size' (16777216), the most bytes
%% of an answer; `timeout' (10000), in milliseconds. While a program writes its stacks down, nothing
%% of it runs: some milliseconds for a thousand goroutines.
%%
%% Why is a sentence; Reason is `no_pool', `no_port' where no program is up, `unsupported' of one
%% that has not the capability `evidence' of SPEC.md, `busy' where somebody else asks for the same,
%% `too_large', `timeout', `port_down', `unknown' or `failed'.
-spec stacks(atom(), evidence_options()) ->
    {ok, [{pos_integer(), binary() | gwport_evidence:error()}]} | gwport_evidence:error().
stacks(Pool, Options) ->
    gwport_evidence:stacks(Pool, Options).

%% @doc A profile of one program, as `go tool pprof' reads it: of the memory in use, or of the
%% processor. Options: those of {@link stacks/2}, where without `os_pid' it is the program with the
%% most requests under way; `seconds' (10), for how long a `cpu' profile is taken, besides which
%% `timeout' counts; `file', where it is to be written: the result is `{ok, File}' then. Errors are
%% those of stacks/2, and `file'. Requests are served meanwhile. A program has one `cpu' profile at
%% a time, its own ones included.
-spec profile(atom(), cpu | heap, evidence_options()) ->
    {ok, Profile :: binary() | file:filename()} | gwport_evidence:error().
profile(Pool, What, Options) ->
    gwport_evidence:profile(Pool, What, Options).
