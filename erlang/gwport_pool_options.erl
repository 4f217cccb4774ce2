%% The options of a pool: defaults, and one check of each, at start.
%% @hidden
-module(gwport_pool_options).

-export([pool/1, pools/1, ports/1, name/1, watched/1]).

-export_type([pool/0]).

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

-spec pool(gwport_options:given()) -> {ok, pool()} | {error, gwport_options:error()}.
pool(Given) ->
    case gwport_options:map(Given) of
        {ok, Options} ->
            hide(gwport_options:check(developed(Options), defaults(), [name, command], fun value/2,
                fun whole/1));
        error ->
            {error, {bad_option, {pool, hidden, gwport_options:not_options()}}}
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
-spec watched(gwport_options:given() | term()) -> term().
watched(Given) ->
    case gwport_options:map(Given) of
        {ok, #{pool := Pool}} -> Pool;
        _ -> undefined
    end.

%% The one option that may be changed without a look at the others.
-spec ports(term()) -> {ok, pos_integer()} | {error, gwport_options:error()}.
ports(Given) ->
    case value(ports, Given) of
        {ok, Ports} -> {ok, Ports};
        {error, Why} -> {error, {bad_option, {ports, Given, Why}}}
    end.

%% Those of the application's environment. What is wrong in one is told with its name; `undefined`
%% where it has none.
-spec pools([gwport_options:given()] | term()) ->
    ok | {error, {bad_pool, Name :: term(), gwport_options:error()}
        | {bad_option, {pools, hidden, string()}}}.
pools(Pools) when is_list(Pools), length(Pools) >= 0 ->
    pools(Pools, []);
pools(_) ->
    bad_pools().

bad_pools() ->
    {error, {bad_option, {pools, hidden,
        "expected a list of pools, each " ++ gwport_options:shapes()}}}.

pools([], _) ->
    ok;
pools([Pool | Rest], Names) ->
    case {gwport_options:map(Pool), pool(Pool)} of
        {error, _} -> bad_pools();
        {_, {ok, #{name := Name}}} -> pools(Rest, Names, Name, lists:member(Name, Names));
        {_, {error, Error}} -> {error, {bad_pool, name(Pool), Error}}
    end.

pools(Rest, Names, Name, false) ->
    pools(Rest, [Name | Names]);
pools(_, _, Name, true) ->
    {error, {bad_pool, Name, {bad_option, {name, Name, "another pool has this name"}}}}.

%% The name in options that nobody has checked.
-spec name(gwport_options:given() | term()) -> term().
name(Given) ->
    case gwport_options:map(Given) of
        {ok, #{name := Name}} -> Name;
        _ -> undefined
    end.

%% What is wrong goes to the log. A value may be a password in `args', in `env', in `inherit' where
%% it is taken for `env', and where one of these is misspelt.
hide({error, {bad_option, {env, Env, Why}}}) ->
    {error, {bad_option, wrong_variable(Env, Why)}};
hide({error, {bad_option, {Key, _, Why}}}) when Key =:= args; Key =:= inherit ->
    {error, {bad_option, {Key, hidden, Why}}};
hide(Error = {error, {bad_option, {Key, Value, Why}}}) ->
    case lists:member(Key, [name, command]) orelse is_map_key(Key, defaults()) of
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
defaults() ->
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

value(name, Name) when is_atom(Name), Name =/= undefined -> {ok, Name};
value(name, _) -> {error, "expected an atom"};
value(command, Command) -> command(Command);
value(args, Args) ->
    gwport_options:all(fun gwport_options:os_text/1, Args, "expected a list of texts");
value(env, Env) when is_map(Env) -> value(env, maps:to_list(Env));
value(env, Env) ->
    gwport_options:all(fun variable/1, Env, "expected a map or a list of pairs");
value(inherit, all) -> {ok, all};
value(inherit, Names) ->
    gwport_options:all(fun inherited/1, Names, "expected all, or a list of names");
value(Key, undefined) when Key =:= gomemlimit; Key =:= gomaxprocs -> {ok, undefined};
value(gomemlimit, N) -> gwport_options:integer(N, 1048576, 1 bsl 50);
value(gomaxprocs, N) -> gwport_options:integer(N, 1, 1024);
value(dev, Dev) when is_boolean(Dev) -> {ok, Dev};
value(dev, _) -> {error, "expected true or false"};
value(cd, undefined) -> {ok, undefined};
value(cd, Dir) -> directory(gwport_options:os_text(Dir));
value(ports, N) -> gwport_options:integer(N, 1, 1024);
value(spare, N) -> gwport_options:integer(N, 0, 1024);
value(recycle_requests, N) -> gwport_options:integer_or_infinity(N, 1, 1 bsl 50);
value(Key, N) when Key =:= recycle_age; Key =:= recycle_idle ->
    gwport_options:integer_or_infinity(N, 1000, 1 bsl 40);
value(recycle_memory, N) -> memory(gwport_options:integer_or_infinity(N, 1048576, 1 bsl 50));
value(recycle_jitter, N) -> gwport_options:integer(N, 0, 100);
value(max_streams, N) -> gwport_options:integer(N, 1, 1000000);
value(peer_share, N) -> gwport_options:integer(N, 1, 100);
value(max_queue, N) -> gwport_options:integer(N, 0, 1000000);
value(queue_timeout, N) -> gwport_options:integer(N, 1, 86400000);
value(window, N) -> gwport_options:integer(N, 1, 16777216);
value(window_floor, N) -> gwport_options:integer(N, 1, 16777216);
value(response_budget, N) -> gwport_options:integer(N, 0, 1 bsl 40);
value(port_queue, N) -> gwport_options:integer(N, 65536, 1 bsl 30);
value(max_frame, N) -> gwport_options:integer(N, gwport_frame:min_max_frame(), 1 bsl 30);
value(max_head, N) -> gwport_options:integer(N, 1024, 16777216);
value(last_stream, N) -> gwport_options:integer(N, 256, 2147483646);
value(log_lines, N) -> gwport_options:integer(N, 0, 1000000);
value(log_level, Level) when Level =:= error; Level =:= warning; Level =:= notice;
        Level =:= info; Level =:= debug ->
    {ok, Level};
value(log_level, _) ->
    {error, "expected error, warning, notice, info or debug"};
value(circuit_failures, N) -> gwport_options:integer_or_infinity(N, 1, 1000000);
value(Key, N) when Key =:= restart_delay; Key =:= max_restart_delay; Key =:= circuit_time ->
    gwport_options:integer(N, 1, 86400000);
value(drain_timeout, N) -> gwport_options:integer(N, 0, 1 bsl 31);
value(Key, N) when Key =:= stop_timeout; Key =:= kill_timeout ->
    gwport_options:integer(N, 0, 86400000);
value(greeting_timeout, N) -> gwport_options:integer(N, 1, 1 bsl 31);
value(Key, N) when Key =:= ping_interval; Key =:= ping_timeout ->
    gwport_options:integer_or_infinity(N, 1, 1 bsl 31);
value(_, _) -> gwport_options:no_option().

%% A variable is set in one place. A reply with a full window and a full head must fit in a frame
%% (SPEC.md, section 5).
whole(Pool = #{env := Env, gomemlimit := Limit, gomaxprocs := Procs}) ->
    Twice = [{Key, Value} || {Key, Value, Name} <- [{gomemlimit, Limit, "GOMEMLIMIT"},
        {gomaxprocs, Procs, "GOMAXPROCS"}], Value =/= undefined, lists:keymember(Name, 1, Env)],
    case Twice of
        [] -> sizes(Pool);
        [{Key, Value} | _] -> {error, {bad_option, {Key, Value, "env sets the variable too"}}}
    end.

sizes(Pool = #{window := Window, max_head := MaxHead, max_frame := MaxFrame}) ->
    case MaxFrame >= Window + MaxHead + 64 of
        true -> {ok, Pool};
        false -> {error, {bad_option, {max_frame, MaxFrame, gwport_options:sentence(
            "expected at least window + max_head + 64, which is ~b", [Window + MaxHead + 64])}}}
    end.

%% What another process holds.
memory({ok, infinity}) ->
    {ok, infinity};
memory({ok, Bytes}) ->
    case filelib:is_regular("/proc/self/status") of
        true -> {ok, Bytes};
        false -> {error, "this system has no /proc/PID/status, which tells it"}
    end;
memory(Error) ->
    Error.

command({priv, App, File}) when is_atom(App) ->
    case gwport_options:os_text(File) of
        {ok, Name} -> gwport_command:find({priv, App, Name});
        Error -> Error
    end;
command(Command) when is_list(Command); is_binary(Command) ->
    case gwport_options:os_text(Command) of
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
    case {variable_name(name_text(Name)), Value =:= false orelse gwport_options:os_text(Value)} of
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
name_text(Name) when is_atom(Name) -> gwport_options:os_text(atom_to_binary(Name));
name_text(Name) -> gwport_options:os_text(Name).

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
