%% The options of a pool and of a mount: defaults, and one check of each, at start.
-module(gwport_options).

-export([pool/1, mount/1]).

-export_type([pool/0, mount/0, error/0]).

%% A checked pool: every key is there, paths and arguments are as open_port/2 wants them.
-type pool() :: #{
    name := atom(),
    command := string(),
    args := [string() | binary()],
    env := [{string(), string() | false}],
    cd := string() | undefined,
    ports := pos_integer(),
    max_streams := pos_integer(),
    window := non_neg_integer(),
    window_floor := non_neg_integer(),
    response_budget := non_neg_integer(),
    port_queue := pos_integer(),
    max_frame := pos_integer(),
    max_head := pos_integer(),
    last_stream := pos_integer(),
    greeting_timeout := pos_integer(),
    drain_timeout := non_neg_integer(),
    ping_interval := pos_integer(),
    ping_timeout := pos_integer(),
    log_lines := non_neg_integer(),
    log_level := error | warning | notice | info | debug
}.
%% A checked mount: how the requests of one route are answered.
-type mount() :: #{
    pool := atom(),
    app := binary(),
    head_timeout := timeout(),
    idle_timeout := timeout(),
    deadline := timeout(),
    max_body := non_neg_integer() | infinity
}.
-type error() :: {bad_option, {Key :: term(), Value :: term()}} | {missing_option, Key :: atom()}.

-spec pool(map()) -> {ok, pool()} | {error, error()}.
pool(Options) when is_map(Options) ->
    hide(check(Options, pool_defaults(), [name, command], fun pool_value/2, fun pool_whole/1));
pool(_) ->
    {error, {bad_option, {pool, hidden}}}.

%% What is wrong goes to the log. A value may be a password in `args', in `env', and where one of these
%% is misspelt.
hide({error, {bad_option, {env, Env}}}) ->
    {error, {bad_option, {env, wrong_variable(Env)}}};
hide({error, {bad_option, {args, _}}}) ->
    {error, {bad_option, {args, hidden}}};
hide(Error = {error, {bad_option, {Key, Value}}}) ->
    case lists:member(Key, [name, command]) orelse is_map_key(Key, pool_defaults()) of
        true -> Error;
        false when is_number(Value) -> Error;
        false -> {error, {bad_option, {Key, hidden}}}
    end;
hide(Result) ->
    Result.

%% The first variable that is none, by its name where it has one.
wrong_variable(Env) when is_map(Env) -> wrong_variable(maps:to_list(Env));
wrong_variable([Variable | Rest]) ->
    case {variable(Variable), Variable} of
        {{ok, _}, _} -> wrong_variable(Rest);
        {error, {Name, _}} when is_list(Name); is_binary(Name) -> {Name, hidden};
        _ -> hidden
    end;
wrong_variable(_) -> hidden.

%% Defaults; README and `gwport:child_spec/1` say what each means.
pool_defaults() ->
    #{args => [], env => [], cd => undefined, ports => 1,
        max_streams => 1000,
        window => 262144, window_floor => 16384, response_budget => 67108864,
        port_queue => 1048576, max_frame => 1048576, max_head => 65536,
        last_stream => 2147483646,
        greeting_timeout => 10000, drain_timeout => 30000,
        ping_interval => 10000, ping_timeout => 30000,
        log_lines => 200, log_level => info}.

pool_value(name, Name) when is_atom(Name), Name =/= undefined -> {ok, Name};
pool_value(command, Command) -> command(Command);
pool_value(args, Args) when is_list(Args) -> all(fun os_text/1, Args);
pool_value(env, Env) when is_map(Env) -> all(fun variable/1, maps:to_list(Env));
pool_value(env, Env) when is_list(Env) -> all(fun variable/1, Env);
pool_value(cd, undefined) -> {ok, undefined};
pool_value(cd, Dir) -> directory(os_text(Dir));
pool_value(ports, N) -> integer(N, 1, 1024);
pool_value(max_streams, N) -> integer(N, 1, 1000000);
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
pool_value(drain_timeout, N) -> integer(N, 0, 1 bsl 31);
pool_value(Key, N) when Key =:= greeting_timeout; Key =:= ping_interval; Key =:= ping_timeout ->
    integer(N, 1, 1 bsl 31);
pool_value(_, _) -> error.

%% A reply with a full window and a full head must fit in a frame (SPEC.md, section 5).
pool_whole(Pool = #{window := Window, max_head := MaxHead, max_frame := MaxFrame}) ->
    case MaxFrame >= Window + MaxHead + 64 of
        true -> {ok, Pool};
        false -> {error, {bad_option, {max_frame, MaxFrame}}}
    end.

-spec mount(map()) -> {ok, mount()} | {error, error()}.
mount(Options) when is_map(Options) ->
    check(Options, mount_defaults(), [pool], fun mount_value/2, fun(Mount) -> {ok, Mount} end);
mount(Options) ->
    {error, {bad_option, {mount, Options}}}.

mount_defaults() ->
    #{app => <<>>, head_timeout => 60000, idle_timeout => 300000, deadline => infinity,
        max_body => infinity}.

mount_value(pool, Pool) when is_atom(Pool) -> {ok, Pool};
mount_value(app, App) when is_binary(App) -> {ok, App};
mount_value(app, App) when is_list(App) -> binary(text(App));
mount_value(app, App) when is_atom(App) -> {ok, atom_to_binary(App)};
mount_value(max_body, infinity) -> {ok, infinity};
mount_value(max_body, N) -> integer(N, 0, 1 bsl 62);
mount_value(Key, infinity) when Key =:= head_timeout; Key =:= idle_timeout; Key =:= deadline ->
    {ok, infinity};
mount_value(Key, N) when Key =:= head_timeout; Key =:= idle_timeout; Key =:= deadline ->
    integer(N, 1, 1 bsl 31);
mount_value(_, _) -> error.

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
        error -> {error, {bad_option, {Key, Given}}}
    end.

integer(N, Min, Max) when is_integer(N), N >= Min, N =< Max -> {ok, N};
integer(_, _, _) -> error.

%% spawn_executable wants an absolute path; code:priv_dir/1 may be relative.
command({priv, App, File}) when is_atom(App) ->
    case {code:priv_dir(App), os_text(File)} of
        {Dir, {ok, Name}} when is_list(Dir) -> executable(filename:join(Dir, Name));
        _ -> error
    end;
command(Command) ->
    case os_text(Command) of
        {ok, Path} -> executable(Path);
        error -> error
    end.

executable(Path) ->
    case lists:member($/, Path) of
        true -> found(filelib:is_regular(Path) andalso os:find_executable(filename:absname(Path)));
        false -> found(os:find_executable(Path))
    end.

found(false) -> error;
found(Path) -> {ok, filename:absname(Path)}.

directory({ok, Dir}) ->
    case filelib:is_dir(Dir) of
        true -> {ok, filename:absname(Dir)};
        false -> error
    end;
directory(error) ->
    error.

variable({Name, false}) ->
    case variable_name(os_text(Name)) of
        {ok, Text} -> {ok, {Text, false}};
        error -> error
    end;
variable({Name, Value}) ->
    case {variable_name(os_text(Name)), os_text(Value)} of
        {{ok, N}, {ok, V}} -> {ok, {N, V}};
        _ -> error
    end;
variable(_) ->
    error.

%% open_port/2 crashes on a name with an equals sign.
variable_name({ok, Name = [_ | _]}) ->
    case lists:member($=, Name) of
        true -> error;
        false -> {ok, Name}
    end;
variable_name(_) ->
    error.

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
                true -> error;
                false -> {ok, List}
            end;
        _ -> error
    catch
        error:badarg -> error
    end;
text(_) ->
    error.

binary({ok, Text}) -> {ok, unicode:characters_to_binary(Text)};
binary(error) -> error.

all(Check, [Element | Rest]) ->
    case {Check(Element), all(Check, Rest)} of
        {{ok, Good}, {ok, More}} -> {ok, [Good | More]};
        _ -> error
    end;
all(_, []) ->
    {ok, []};
all(_, _Improper) ->
    error.
