%% The options of a pool and of a mount: defaults, and one check of each, at start.
%% @hidden
-module(gwport_options).

-export([pool/1, pools/1, ports/1, mount/1, inner/1, call/1, validation/1, evidence/2, map/1]).
-export([name/1, watched/1]).

-export_type([pool/0, mount/0, validation/0, evidence/0, error/0, given/0]).

%% A checked pool: every key is there, paths and arguments are as open_port/2 wants them.
-type pool() :: #{
    name := atom(),
    command := string(),
    args := [string() | binary()],
    env := [{string(), string() | false}],
    inherit := all | [string()],
    gomemlimit := pos_integer() | undefined,
    gomaxprocs := pos_integer() | undefined,
    dev := boolean(),
    cd := string() | undefined,
    ports := pos_integer(),
    spare := non_neg_integer(),
    recycle_requests := pos_integer() | infinity,
    recycle_age := pos_integer() | infinity,
    recycle_idle := pos_integer() | infinity,
    recycle_memory := pos_integer() | infinity,
    recycle_jitter := 0..100,
    max_streams := pos_integer(),
    peer_share := 1..100,
    max_queue := non_neg_integer(),
    queue_timeout := pos_integer(),
    window := non_neg_integer(),
    window_floor := non_neg_integer(),
    response_budget := non_neg_integer(),
    port_queue := pos_integer(),
    max_frame := pos_integer(),
    max_head := pos_integer(),
    last_stream := pos_integer(),
    greeting_timeout := pos_integer(),
    restart_delay := pos_integer(),
    max_restart_delay := pos_integer(),
    circuit_failures := pos_integer() | infinity,
    circuit_time := pos_integer(),
    drain_timeout := non_neg_integer(),
    stop_timeout := non_neg_integer(),
    kill_timeout := non_neg_integer(),
    ping_interval := pos_integer() | infinity,
    ping_timeout := pos_integer() | infinity,
    log_lines := non_neg_integer(),
    log_level := error | warning | notice | info | debug
}.
%% A checked mount: how the requests of one route are answered.
-type mount() :: #{
    %% Of an app in Erlang there are `run' and `validate', and no pool.
    pool := atom(),
    run => gwport_run_app:app(),
    validate => false | validation(),
    app := binary(),
    head_timeout := timeout(),
    idle_timeout := timeout(),
    deadline := timeout(),
    max_target := pos_integer() | infinity,
    max_fields := pos_integer() | infinity,
    max_header := pos_integer() | infinity,
    max_body := non_neg_integer() | infinity,
    min_body_rate := non_neg_integer(),
    body_grace := pos_integer(),
    replay := boolean(),
    replay_body := non_neg_integer(),
    underscores := pass | drop,
    trusted_proxies := [gwport_network:network()],
    trusted_fields := [binary(), ...],
    access_log := none | combined | json
}.
%% What gwport_validate leaves out, and what becomes of what it finds.
-type validation() :: #{
    exclude := [binary()],
    report := log | fail | fun((gwport_finding:finding()) -> Ignored :: term())
}.
%% What is wanted of an answer to gwport:stacks/2 or profile/3. Time is a cpu profile's, in
%% milliseconds.
-type evidence() :: #{
    os_pid := any | pos_integer(),
    max_size := pos_integer(),
    time := 0..600000,
    timeout := pos_integer(),
    file := file:filename() | undefined
}.
%% Why is a sentence for people.
-type error() ::
    {bad_option, {Key :: term(), Value :: term(), Why :: string()}}
  | {missing_option, Key :: atom()}.
%% Options as they are given: a map, a keyword list or a property list.
-type given() :: map() | [atom() | {term(), term()}].

-spec pool(given()) -> {ok, pool()} | {error, error()}.
pool(Given) ->
    case map(Given) of
        {ok, Options} ->
            hide(check(developed(Options), pool_defaults(), [name, command], fun pool_value/2,
                fun pool_whole/1));
        error ->
            {error, {bad_option, {pool, hidden, not_options()}}}
    end.

%% A pool is one of development where the application's environment has its program watched.
developed(Options = #{dev := _}) ->
    Options;
developed(Options) ->
    case application:get_env(gwport, dev, []) of
        [] -> Options;
        Watched -> Options#{dev => lists:member(name(Options), [watched(One) || One <- Watched])}
    end.

%% The pool in options of gwport_dev that nobody has checked.
-spec watched(given() | term()) -> term().
watched(Given) ->
    case map(Given) of
        {ok, #{pool := Pool}} -> Pool;
        _ -> undefined
    end.

%% The one option that may be changed without a look at the others.
-spec ports(term()) -> {ok, pos_integer()} | {error, error()}.
ports(Given) ->
    case pool_value(ports, Given) of
        {ok, Ports} -> {ok, Ports};
        {error, Why} -> {error, {bad_option, {ports, Given, Why}}}
    end.

%% Those of the application's environment. What is wrong in one is told with its name; `undefined`
%% where it has none.
-spec pools([given()] | term()) ->
    ok | {error, {bad_pool, Name :: term(), error()} | {bad_option, {pools, hidden, string()}}}.
pools(Pools) when is_list(Pools), length(Pools) >= 0 ->
    pools(Pools, []);
pools(_) ->
    bad_pools().

bad_pools() ->
    {error, {bad_option, {pools, hidden, "expected a list of pools, each " ++ shapes()}}}.

pools([], _) ->
    ok;
pools([Pool | Rest], Names) ->
    case {map(Pool), pool(Pool)} of
        {error, _} -> bad_pools();
        {_, {ok, #{name := Name}}} -> pools(Rest, Names, Name, lists:member(Name, Names));
        {_, {error, Error}} -> {error, {bad_pool, name(Pool), Error}}
    end.

pools(Rest, Names, Name, false) ->
    pools(Rest, [Name | Names]);
pools(_, _, Name, true) ->
    {error, {bad_pool, Name, {bad_option, {name, Name, "another pool has this name"}}}}.

%% Options as a map. Of a key that is given twice the first is taken, as of any property list.
-spec map(given() | term()) -> {ok, map()} | error.
map(Options) when is_map(Options) -> {ok, Options};
map(Options) -> pairs_of(Options, #{}).

pairs_of([], Map) -> {ok, Map};
pairs_of([{Key, Value} | Rest], Map) -> pairs_of(Rest, maps:merge(#{Key => Value}, Map));
pairs_of([Key | Rest], Map) when is_atom(Key) -> pairs_of(Rest, maps:merge(#{Key => true}, Map));
pairs_of(_, _) -> error.

%% The name in options that nobody has checked.
-spec name(given() | term()) -> term().
name(Given) ->
    case map(Given) of
        {ok, #{name := Name}} -> Name;
        _ -> undefined
    end.

not_options() ->
    "expected " ++ shapes().

shapes() ->
    "a map, a keyword list or a property list".

%% What is wrong goes to the log. A value may be a password in `args', in `env', in `inherit' where
%% it is taken for `env', and where one of these is misspelt.
hide({error, {bad_option, {env, Env, Why}}}) ->
    {error, {bad_option, wrong_variable(Env, Why)}};
hide({error, {bad_option, {Key, _, Why}}}) when Key =:= args; Key =:= inherit ->
    {error, {bad_option, {Key, hidden, Why}}};
hide(Error = {error, {bad_option, {Key, Value, Why}}}) ->
    case lists:member(Key, [name, command]) orelse is_map_key(Key, pool_defaults()) of
        true -> Error;
        false when is_number(Value) -> Error;
        false -> {error, {bad_option, {Key, hidden, Why}}}
    end;
hide(Result) ->
    Result.

%% The first variable that is none, by its name where it has one.
wrong_variable(Env, Why) when is_map(Env) ->
    wrong_variable(maps:to_list(Env), Why);
wrong_variable([Variable | Rest], Why) ->
    case {variable(Variable), Variable} of
        {{ok, _}, _} -> wrong_variable(Rest, Why);
        {{error, Wrong}, {Name, _}} when is_list(Name); is_binary(Name); is_atom(Name) ->
            {env, {Name, hidden}, Wrong};
        {{error, Wrong}, _} -> {env, hidden, Wrong}
    end;
wrong_variable(_, Why) ->
    {env, hidden, Why}.

%% Defaults; README and `gwport:child_spec/1` say what each means.
pool_defaults() ->
    #{args => [], env => [], inherit => all, gomemlimit => undefined, gomaxprocs => undefined,
        dev => false, cd => undefined, ports => 1, spare => 0,
        recycle_requests => infinity, recycle_age => infinity, recycle_idle => infinity,
        recycle_memory => infinity, recycle_jitter => 10,
        max_streams => 1000, peer_share => 80, max_queue => 1000, queue_timeout => 1000,
        window => 262144, window_floor => 16384, response_budget => 67108864,
        port_queue => 1048576, max_frame => 1048576, max_head => 65536,
        last_stream => 2147483646,
        greeting_timeout => 10000, drain_timeout => 30000, stop_timeout => 1000,
        kill_timeout => 1000,
        restart_delay => 100, max_restart_delay => 10000,
        circuit_failures => 10, circuit_time => 30000,
        ping_interval => 10000, ping_timeout => 30000,
        log_lines => 200, log_level => info}.

pool_value(name, Name) when is_atom(Name), Name =/= undefined -> {ok, Name};
pool_value(name, _) -> {error, "expected an atom"};
pool_value(command, Command) -> command(Command);
pool_value(args, Args) -> all(fun os_text/1, Args, "expected a list of texts");
pool_value(env, Env) when is_map(Env) -> pool_value(env, maps:to_list(Env));
pool_value(env, Env) -> all(fun variable/1, Env, "expected a map or a list of pairs");
pool_value(inherit, all) -> {ok, all};
pool_value(inherit, Names) -> all(fun inherited/1, Names, "expected all, or a list of names");
pool_value(Key, undefined) when Key =:= gomemlimit; Key =:= gomaxprocs -> {ok, undefined};
pool_value(gomemlimit, N) -> integer(N, 1048576, 1 bsl 50);
pool_value(gomaxprocs, N) -> integer(N, 1, 1024);
pool_value(dev, Dev) when is_boolean(Dev) -> {ok, Dev};
pool_value(dev, _) -> {error, "expected true or false"};
pool_value(cd, undefined) -> {ok, undefined};
pool_value(cd, Dir) -> directory(os_text(Dir));
pool_value(ports, N) -> integer(N, 1, 1024);
pool_value(spare, N) -> integer(N, 0, 1024);
pool_value(Key, infinity) when Key =:= recycle_requests; Key =:= recycle_age;
        Key =:= recycle_idle; Key =:= recycle_memory ->
    {ok, infinity};
pool_value(recycle_requests, N) -> or_infinity(integer(N, 1, 1 bsl 50));
pool_value(Key, N) when Key =:= recycle_age; Key =:= recycle_idle ->
    or_infinity(integer(N, 1000, 1 bsl 40));
pool_value(recycle_memory, N) -> memory(or_infinity(integer(N, 1048576, 1 bsl 50)));
pool_value(recycle_jitter, N) -> integer(N, 0, 100);
pool_value(max_streams, N) -> integer(N, 1, 1000000);
pool_value(peer_share, N) -> integer(N, 1, 100);
pool_value(max_queue, N) -> integer(N, 0, 1000000);
pool_value(queue_timeout, N) -> integer(N, 1, 86400000);
pool_value(window, N) -> integer(N, 1, 16777216);
pool_value(window_floor, N) -> integer(N, 1, 16777216);
pool_value(response_budget, N) -> integer(N, 0, 1 bsl 40);
pool_value(port_queue, N) -> integer(N, 65536, 1 bsl 30);
pool_value(max_frame, N) -> integer(N, gwport_frame:min_max_frame(), 1 bsl 30);
pool_value(max_head, N) -> integer(N, 1024, 16777216);
pool_value(last_stream, N) -> integer(N, 256, 2147483646);
pool_value(log_lines, N) -> integer(N, 0, 1000000);
pool_value(log_level, Level) when Level =:= error; Level =:= warning; Level =:= notice;
        Level =:= info; Level =:= debug ->
    {ok, Level};
pool_value(log_level, _) ->
    {error, "expected error, warning, notice, info or debug"};
pool_value(circuit_failures, infinity) -> {ok, infinity};
pool_value(circuit_failures, N) -> or_infinity(integer(N, 1, 1000000));
pool_value(Key, N) when Key =:= restart_delay; Key =:= max_restart_delay; Key =:= circuit_time ->
    integer(N, 1, 86400000);
pool_value(drain_timeout, N) -> integer(N, 0, 1 bsl 31);
pool_value(Key, N) when Key =:= stop_timeout; Key =:= kill_timeout -> integer(N, 0, 86400000);
pool_value(greeting_timeout, N) -> integer(N, 1, 1 bsl 31);
pool_value(Key, infinity) when Key =:= ping_interval; Key =:= ping_timeout -> {ok, infinity};
pool_value(Key, N) when Key =:= ping_interval; Key =:= ping_timeout ->
    or_infinity(integer(N, 1, 1 bsl 31));
pool_value(_, _) -> no_option().

%% A variable is set in one place. A reply with a full window and a full head must fit in a frame
%% (SPEC.md, section 5).
pool_whole(Pool = #{env := Env, gomemlimit := Limit, gomaxprocs := Procs}) ->
    Twice = [{Key, Value} || {Key, Value, Name} <- [{gomemlimit, Limit, "GOMEMLIMIT"},
        {gomaxprocs, Procs, "GOMAXPROCS"}], Value =/= undefined, lists:keymember(Name, 1, Env)],
    case Twice of
        [] -> pool_sizes(Pool);
        [{Key, Value} | _] -> {error, {bad_option, {Key, Value, "env sets the variable too"}}}
    end.

pool_sizes(Pool = #{window := Window, max_head := MaxHead, max_frame := MaxFrame}) ->
    case MaxFrame >= Window + MaxHead + 64 of
        true -> {ok, Pool};
        false -> {error, {bad_option, {max_frame, MaxFrame, text(
            "expected at least window + max_head + 64, which is ~b", [Window + MaxHead + 64])}}}
    end.

-spec mount(given()) -> {ok, mount()} | {error, error()}.
mount(Given) ->
    case map(Given) of
        {ok, Options} ->
            check(Options, mount_defaults(), [], fun mount_value/2,
                fun(Mount) -> mount_whole(Mount, Options) end);
        error ->
            {error, {bad_option, {mount, Given, not_options()}}}
    end.

mount_defaults() ->
    #{app => <<>>, head_timeout => 60000, idle_timeout => 300000, deadline => infinity,
        max_target => infinity, max_fields => infinity, max_header => infinity,
        max_body => infinity, min_body_rate => 0, body_grace => 10000, replay => true,
        replay_body => 65536, underscores => pass, trusted_proxies => [],
        trusted_fields => [<<"x-forwarded-for">>, <<"x-forwarded-host">>, <<"x-forwarded-proto">>],
        access_log => none}.

%% Those of a pool's app that stands behind an app in Erlang.
-spec inner(given()) -> {ok, mount()} | {error, error()}.
inner(Given) ->
    case map(Given) of
        {ok, Options} -> without_a_client([run | of_clients()], Options);
        error -> mount(Given)
    end.

%% Those of a request that is no client's: its body is there from the beginning.
-spec call(map()) -> {ok, mount()} | {error, error()}.
call(Options) ->
    without_a_client(of_clients(), Options).

%% What stands between a client and its request.
of_clients() ->
    [min_body_rate, body_grace, underscores, trusted_proxies, trusted_fields].

without_a_client(Keys, Options) ->
    case maps:to_list(maps:with(Keys, Options)) of
        [] -> mount(Options);
        [Wrong | _] -> of_routes(Wrong)
    end.

of_routes({Key, Value}) ->
    {error, {bad_option, {Key, Value, "an option of routes, whose requests are a client's"}}}.

%% What has to do with programs means nothing to an app in Erlang.
mount_whole(Mount = #{run := _}, Given) ->
    case maps:to_list(maps:with([pool, app, replay, replay_body], Given)) of
        [] -> validated(Mount#{pool => undefined, replay := false});
        [{Key, Value} | _] -> {error, {bad_option, {Key, Value, "not together with run"}}}
    end;
mount_whole(#{validate := _}, #{validate := Value}) ->
    {error, {bad_option, {validate, Value, "expected together with run; a program validates its "
        "own apps, in a pool with dev"}}};
mount_whole(Mount = #{pool := _}, _) ->
    {ok, Mount};
mount_whole(_, _) ->
    {error, {missing_option, pool}}.

%% Apps are validated where the mount says so, or the application's environment, which is then that
%% of development.
validated(Mount = #{validate := _}) ->
    {ok, Mount};
validated(Mount) ->
    Value = application:get_env(gwport, validate, false),
    case mount_value(validate, Value) of
        {ok, Options} -> {ok, Mount#{validate => Options}};
        {error, Why} -> {error, {bad_option, {validate, Value, Why}}}
    end.

mount_value(validate, false) -> {ok, false};
mount_value(validate, true) -> mount_value(validate, []);
mount_value(validate, Given) -> one_of_several(validation(Given));
mount_value(run, App) when is_function(App, 1) -> {ok, App};
mount_value(run, Module) when is_atom(Module) -> app_module(code:ensure_loaded(Module), Module);
mount_value(run, _) -> {error, "expected a fun of one argument, or a module with app/1"};
mount_value(pool, Pool) when is_atom(Pool) -> {ok, Pool};
mount_value(pool, _) -> {error, "expected an atom, the name of a pool"};
mount_value(app, App) when is_binary(App) -> {ok, App};
mount_value(app, App) when is_atom(App) -> {ok, atom_to_binary(App)};
mount_value(app, App) -> binary(text(App));
mount_value(replay, Replay) when is_boolean(Replay) -> {ok, Replay};
mount_value(replay, _) -> {error, "expected true or false"};
mount_value(replay_body, N) -> integer(N, 0, 1 bsl 30);
mount_value(access_log, Format) when Format =:= none; Format =:= combined; Format =:= json ->
    {ok, Format};
mount_value(access_log, _) ->
    {error, "expected none, combined or json"};
mount_value(max_body, infinity) -> {ok, infinity};
mount_value(max_body, N) -> or_infinity(integer(N, 0, 1 bsl 62));
mount_value(min_body_rate, N) -> integer(N, 0, 1 bsl 30);
mount_value(body_grace, N) -> integer(N, 1, 1 bsl 31);
mount_value(underscores, What) when What =:= pass; What =:= drop -> {ok, What};
mount_value(underscores, _) -> {error, "expected pass or drop"};
mount_value(trusted_proxies, Proxies) ->
    all(fun gwport_network:network/1, Proxies,
        "expected a list of addresses and networks, as 10.0.0.0/8, or unix");
mount_value(trusted_fields, Names) ->
    trusted_fields(all(fun trusted_field/1, Names, "expected a list of names"));
mount_value(Key, infinity) when Key =:= max_target; Key =:= max_fields; Key =:= max_header ->
    {ok, infinity};
mount_value(Key, N) when Key =:= max_target; Key =:= max_fields; Key =:= max_header ->
    or_infinity(integer(N, 1, 1 bsl 62));
mount_value(Key, infinity) when Key =:= head_timeout; Key =:= idle_timeout; Key =:= deadline ->
    {ok, infinity};
mount_value(Key, N) when Key =:= head_timeout; Key =:= idle_timeout; Key =:= deadline ->
    or_infinity(integer(N, 1, 1 bsl 31));
mount_value(_, _) -> no_option().

app_module({module, _}, Module) ->
    case erlang:function_exported(Module, app, 1) of
        true -> {ok, fun Module:app/1};
        false -> {error, "a module that exports no app/1"}
    end;
app_module({error, _}, _) ->
    {error, "no such module"}.

trusted_field(Given) ->
    case binary(text(Given)) of
        {ok, Name} -> trusted_field(Name, gwport_field:lower(Name));
        Error -> Error
    end.

trusted_field(Given, Name) ->
    case lists:member(Name, gwport_forwarded:fields()) of
        true -> {ok, Name};
        false -> {error, text("~ts is none of ~ts",
            [Given, lists:join(", ", gwport_forwarded:fields())])}
    end.

%% A proxy that writes one kind passes a client's other kind on.
trusted_fields({ok, []}) ->
    {error, "expected a name at least"};
trusted_fields({ok, Names}) ->
    case lists:usort(Names) of
        [<<"forwarded">>, _ | _] -> {error, "expected forwarded alone, or none of it"};
        Sorted -> {ok, Sorted}
    end;
trusted_fields(Error) ->
    Error.

%% Of gwport_validate.
-spec validation(given()) -> {ok, validation()} | {error, error()}.
validation(Given) ->
    case map(Given) of
        {ok, Options} ->
            check(Options, #{exclude => [], report => log}, [], fun validation_value/2,
                fun(Validation) -> {ok, Validation} end);
        error ->
            {error, {bad_option, {validate, Given, not_options()}}}
    end.

validation_value(exclude, Names) -> all(fun rule/1, Names, "expected a list of names of rules");
validation_value(report, Report) when Report =:= log; Report =:= fail; is_function(Report, 1) ->
    {ok, Report};
validation_value(report, _) -> {error, "expected log, fail, or a fun of one argument"};
validation_value(_, _) -> no_option().

rule(Given) when is_atom(Given) ->
    rule(atom_to_binary(Given));
rule(Given) ->
    case binary(text(Given)) of
        {ok, Name} -> rule_name(Name);
        Error -> Error
    end.

rule_name(Name) ->
    case [Id || #{id := Id} <- gwport_rules:all(), gwport_rules:is_named(Name, Id)] of
        [] -> {error, text("no rule is named ~ts", [Name])};
        _ -> {ok, Name}
    end.

%% What is wrong in an option's own options.
one_of_several({error, {bad_option, {validate, _, _}}}) ->
    {error, "expected true, false, or " ++ shapes()};
one_of_several({error, {bad_option, {Key, _, Why}}}) -> {error, text("~0p: ~ts", [Key, Why])};
one_of_several(Good) -> Good.

-spec evidence(stacks | heap | cpu, given()) -> {ok, evidence()} | {error, error()}.
evidence(What, Given) ->
    case map(Given) of
        {ok, Options} ->
            check(Options, evidence_defaults(What), [],
                fun(Key, Value) -> evidence_value(What, Key, Value) end, fun evidence_whole/1);
        error ->
            {error, {bad_option, {options, Given, not_options()}}}
    end.

evidence_defaults(cpu) -> (evidence_defaults(heap))#{seconds => 10};
evidence_defaults(_) -> #{os_pid => any, max_size => 16777216, timeout => 10000, file => undefined}.

evidence_value(_, os_pid, any) -> {ok, any};
evidence_value(_, os_pid, OsPid) -> integer(OsPid, 1, 1 bsl 31);
evidence_value(_, max_size, N) -> integer(N, 1, 1 bsl 30);
evidence_value(_, timeout, N) -> integer(N, 1, 600000);
evidence_value(cpu, seconds, N) -> integer(N, 1, 600);
evidence_value(What, file, File) when What =/= stacks -> new_file(os_text(File));
evidence_value(_, _, _) -> no_option().

%% Before a profile is taken for nothing.
new_file({ok, File}) ->
    case {filelib:is_dir(File), filelib:is_dir(filename:dirname(File))} of
        {true, _} -> {error, "a folder"};
        {false, true} -> {ok, File};
        {false, false} -> {error, "no such folder"}
    end;
new_file(Error) ->
    Error.

evidence_whole(Options = #{seconds := Seconds}) ->
    {ok, (maps:remove(seconds, Options))#{time => 1000 * Seconds}};
evidence_whole(Options) ->
    {ok, Options#{time => 0}}.

no_option() ->
    {error, "no such option"}.

or_infinity({error, Why}) -> {error, Why ++ ", or infinity"};
or_infinity(Good) -> Good.

%% One way for both: every given pair is checked, which finds a key that is misspelt, then what is
%% missing is filled in.
check(Options, Defaults, Required, Value, Whole) ->
    case pairs(maps:to_list(Options), Defaults, Value) of
        {ok, Checked} ->
            case [Key || Key <- Required, not is_map_key(Key, Checked)] of
                [] -> Whole(Checked);
                [Key | _] -> {error, {missing_option, Key}}
            end;
        Error ->
            Error
    end.

pairs([], Checked, _) ->
    {ok, Checked};
pairs([{Key, Given} | Rest], Checked, Value) ->
    case Value(Key, Given) of
        {ok, Good} -> pairs(Rest, Checked#{Key => Good}, Value);
        {error, Why} -> {error, {bad_option, {Key, Given, Why}}}
    end.

integer(N, Min, Max) when is_integer(N), N >= Min, N =< Max -> {ok, N};
integer(_, Min, Max) -> {error, text("expected an integer from ~b to ~b", [Min, Max])}.

%% What another process holds.
memory({ok, Bytes}) ->
    case filelib:is_regular("/proc/self/status") of
        true -> {ok, Bytes};
        false -> {error, "this system has no /proc/PID/status, which tells it"}
    end;
memory(Error) ->
    Error.

text(Format, Args) ->
    lists:flatten(io_lib:format(Format, Args)).

command({priv, App, File}) when is_atom(App) ->
    case os_text(File) of
        {ok, Name} -> gwport_command:find({priv, App, Name});
        Error -> Error
    end;
command(Command) when is_list(Command); is_binary(Command) ->
    case os_text(Command) of
        {ok, Path} -> gwport_command:find(Path);
        Error -> Error
    end;
command(_) ->
    {error, "expected a path, a name on PATH, or {priv, App, File}"}.

directory({ok, Dir}) ->
    case {filelib:is_dir(Dir), file:read_file_info(Dir)} of
        {true, _} -> {ok, filename:absname(Dir)};
        {false, {ok, _}} -> {error, "not a folder"};
        {false, _} -> {error, "no such folder"}
    end;
directory(Error) ->
    Error.

variable({Name, Value}) ->
    case {variable_name(name_text(Name)), Value =:= false orelse os_text(Value)} of
        {{ok, Text}, true} -> {ok, {Text, false}};
        {{ok, Text}, {ok, V}} -> {ok, {Text, V}};
        {{ok, _}, {error, _}} -> {error, "expected a text, or false"};
        {Error, _} -> Error
    end;
variable(_) ->
    {error, "expected {Name, Value} or {Name, false}"}.

inherited(Name) ->
    variable_name(name_text(Name)).

%% As a keyword list has it.
name_text(Name) when is_atom(Name) -> os_text(atom_to_binary(Name));
name_text(Name) -> os_text(Name).

%% open_port/2 crashes on a name with an equals sign.
variable_name({ok, Name = [_ | _]}) ->
    case lists:member($=, Name) of
        true -> {error, "no equals sign may be in the name of a variable"};
        false -> {ok, Name}
    end;
variable_name({ok, ""}) ->
    {error, "a variable has a name"};
variable_name(Error) ->
    Error.

%% What the operating system is given is UTF-8, whatever the locale. Where that makes OTP take a
%% character for a byte, as OTP 25 does under LC_ALL=C, open_port/2 fails on any other character.
os_text(Given) ->
    case {text(Given), file:native_name_encoding()} of
        {{ok, Text}, latin1} -> {ok, binary_to_list(unicode:characters_to_binary(Text))};
        {Checked, _} -> Checked
    end.

%% Charlists and binaries are both welcome. NUL cannot be passed to a program.
text(Text) when is_binary(Text); is_list(Text) ->
    try unicode:characters_to_list(Text) of
        List when is_list(List) ->
            case lists:member(0, List) of
                true -> {error, "no NUL may be in a text"};
                false -> {ok, List}
            end;
        _ -> {error, "not UTF-8"}
    catch
        error:badarg -> not_text()
    end;
text(_) ->
    not_text().

not_text() ->
    {error, "expected a text, as a binary or a charlist"}.

binary({ok, Text}) -> {ok, unicode:characters_to_binary(Text)};
binary(Error) -> Error.

all(Check, [Element | Rest], Why) ->
    case {Check(Element), all(Check, Rest, Why)} of
        {{ok, Good}, {ok, More}} -> {ok, [Good | More]};
        {{error, Wrong}, _} -> {error, Wrong};
        {_, Error} -> Error
    end;
all(_, [], _) ->
    {ok, []};
all(_, _, Why) ->
    {error, Why}.
