%% The options of a mount, and of gwport_validate: defaults, and one check of each, when the mount is
%% made.
%% @hidden
-module(gwport_mount_options).

-export([mount/1, inner/1, call/1, validation/1]).

-export_type([mount/0, validation/0]).

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

-spec mount(gwport_options:given()) -> {ok, mount()} | {error, gwport_options:error()}.
mount(Given) ->
    case gwport_options:map(Given) of
        {ok, Options} ->
            gwport_options:check(Options, defaults(), [], fun value/2,
                fun(Mount) -> whole(Mount, Options) end);
        error ->
            {error, {bad_option, {mount, Given, gwport_options:not_options()}}}
    end.

defaults() ->
    #{app => <<>>, head_timeout => 60000, idle_timeout => 300000, deadline => infinity,
        max_target => infinity, max_fields => infinity, max_header => infinity,
        max_body => infinity, min_body_rate => 0, body_grace => 10000, replay => true,
        replay_body => 65536, underscores => pass, trusted_proxies => [],
        trusted_fields => [<<"x-forwarded-for">>, <<"x-forwarded-host">>, <<"x-forwarded-proto">>],
        access_log => none}.

%% Those of a pool's app that stands behind an app in Erlang.
-spec inner(gwport_options:given()) -> {ok, mount()} | {error, gwport_options:error()}.
inner(Given) ->
    case gwport_options:map(Given) of
        {ok, Options} -> without_a_client([run | of_clients()], Options);
        error -> mount(Given)
    end.

%% Those of a request that is no client's: its body is there from the beginning.
-spec call(map()) -> {ok, mount()} | {error, gwport_options:error()}.
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
whole(Mount = #{run := _}, Given) ->
    case maps:to_list(maps:with([pool, app, replay, replay_body], Given)) of
        [] -> validated(Mount#{pool => undefined, replay := false});
        [{Key, Value} | _] -> {error, {bad_option, {Key, Value, "not together with run"}}}
    end;
whole(#{validate := _}, #{validate := Value}) ->
    {error, {bad_option, {validate, Value, "expected together with run; a program validates its "
        "own apps, in a pool with dev"}}};
whole(Mount = #{pool := _}, _) ->
    {ok, Mount};
whole(_, _) ->
    {error, {missing_option, pool}}.

%% Apps are validated where the mount says so, or the application's environment, which is then that
%% of development.
validated(Mount = #{validate := _}) ->
    {ok, Mount};
validated(Mount) ->
    Value = application:get_env(gwport, validate, false),
    case value(validate, Value) of
        {ok, Options} -> {ok, Mount#{validate => Options}};
        {error, Why} -> {error, {bad_option, {validate, Value, Why}}}
    end.

value(validate, false) -> {ok, false};
value(validate, true) -> value(validate, []);
value(validate, Given) -> one_of_several(validation(Given));
value(run, App) when is_function(App, 1) -> {ok, App};
value(run, Module) when is_atom(Module) -> app_module(code:ensure_loaded(Module), Module);
value(run, _) -> {error, "expected a fun of one argument, or a module with app/1"};
value(pool, Pool) when is_atom(Pool) -> {ok, Pool};
value(pool, _) -> {error, "expected an atom, the name of a pool"};
value(app, App) when is_binary(App) -> {ok, App};
value(app, App) when is_atom(App) -> {ok, atom_to_binary(App)};
value(app, App) -> gwport_options:binary(gwport_options:text(App));
value(replay, Replay) when is_boolean(Replay) -> {ok, Replay};
value(replay, _) -> {error, "expected true or false"};
value(replay_body, N) -> gwport_options:integer(N, 0, 1 bsl 30);
value(access_log, Format) when Format =:= none; Format =:= combined; Format =:= json ->
    {ok, Format};
value(access_log, _) ->
    {error, "expected none, combined or json"};
value(max_body, N) -> gwport_options:integer_or_infinity(N, 0, 1 bsl 62);
value(min_body_rate, N) -> gwport_options:integer(N, 0, 1 bsl 30);
value(body_grace, N) -> gwport_options:integer(N, 1, 1 bsl 31);
value(underscores, What) when What =:= pass; What =:= drop -> {ok, What};
value(underscores, _) -> {error, "expected pass or drop"};
value(trusted_proxies, Proxies) ->
    gwport_options:all(fun gwport_network:network/1, Proxies,
        "expected a list of addresses and networks, as 10.0.0.0/8, or unix");
value(trusted_fields, Names) ->
    trusted_fields(gwport_options:all(fun trusted_field/1, Names, "expected a list of names"));
value(Key, N) when Key =:= max_target; Key =:= max_fields; Key =:= max_header ->
    gwport_options:integer_or_infinity(N, 1, 1 bsl 62);
value(Key, N) when Key =:= head_timeout; Key =:= idle_timeout; Key =:= deadline ->
    gwport_options:integer_or_infinity(N, 1, 1 bsl 31);
value(_, _) -> gwport_options:no_option().

app_module({module, _}, Module) ->
    case erlang:function_exported(Module, app, 1) of
        true -> {ok, fun Module:app/1};
        false -> {error, "a module that exports no app/1"}
    end;
app_module({error, _}, _) ->
    {error, "no such module"}.

trusted_field(Given) ->
    case gwport_options:binary(gwport_options:text(Given)) of
        {ok, Name} -> trusted_field(Name, gwport_field:lower(Name));
        Error -> Error
    end.

trusted_field(Given, Name) ->
    case lists:member(Name, gwport_forwarded:fields()) of
        true -> {ok, Name};
        false -> {error, gwport_options:sentence("~ts is none of ~ts",
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
-spec validation(gwport_options:given()) -> {ok, validation()} | {error, gwport_options:error()}.
validation(Given) ->
    case gwport_options:map(Given) of
        {ok, Options} ->
            gwport_options:check(Options, #{exclude => [], report => log}, [],
                fun validation_value/2, fun(Validation) -> {ok, Validation} end);
        error ->
            {error, {bad_option, {validate, Given, gwport_options:not_options()}}}
    end.

validation_value(exclude, Names) ->
    gwport_options:all(fun rule/1, Names, "expected a list of names of rules");
validation_value(report, Report) when Report =:= log; Report =:= fail; is_function(Report, 1) ->
    {ok, Report};
validation_value(report, _) -> {error, "expected log, fail, or a fun of one argument"};
validation_value(_, _) -> gwport_options:no_option().

rule(Given) when is_atom(Given) ->
    rule(atom_to_binary(Given));
rule(Given) ->
    case gwport_options:binary(gwport_options:text(Given)) of
        {ok, Name} -> rule_name(Name);
        Error -> Error
    end.

rule_name(Name) ->
    case [Id || #{id := Id} <- gwport_rules:all(), gwport_rules:is_named(Name, Id)] of
        [] -> {error, gwport_options:sentence("no rule is named ~ts", [Name])};
        _ -> {ok, Name}
    end.

%% What is wrong in an option's own options.
one_of_several({error, {bad_option, {validate, _, _}}}) ->
    {error, "expected true, false, or " ++ gwport_options:shapes()};
one_of_several({error, {bad_option, {Key, _, Why}}}) ->
    {error, gwport_options:sentence("~0p: ~ts", [Key, Why])};
one_of_several(Good) ->
    Good.
