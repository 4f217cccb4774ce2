%% What the programs of a pool are doing: gwport:stacks/2 and gwport:profile/3. It chooses the
%% ports, asks their owners, and keeps the parts of an answer until all are there, in the process of
%% whoever asks.
%% @hidden
-module(gwport_evidence).

-export([stacks/2, profile/3]).

-export_type([error/0]).

%% Why is a sentence for people.
-type error() ::
    {error, {no_pool | no_port | unsupported | busy | too_large | timeout | port_down | unknown
        | failed | file, Why :: binary()}}
  | {error, gwport_options:error()}.

%% What is wanted of an answer. Time is a cpu profile's, in milliseconds.
-type options() :: #{
    os_pid := any | pos_integer(),
    max_size := pos_integer(),
    time := 0..600000,
    timeout := pos_integer(),
    file := file:filename() | undefined
}.

-record(wait, {
    os_pid :: pos_integer(),
    owner :: pid(),
    to :: reference(),
    options :: options(),
    deadline :: integer()
}).

-spec stacks(atom(), gwport_options:given()) ->
    {ok, [{pos_integer(), binary() | error()}]} | error().
stacks(Pool, Given) ->
    case options(Pool, stacks, Given) of
        {ok, Ports, Options} ->
            Waits = [ask(stacks, Port, Options) || Port <- Ports],
            {ok, [{OsPid, stacks_of(await(Wait))} || Wait = #wait{os_pid = OsPid} <- Waits]};
        Error ->
            Error
    end.

stacks_of({ok, Stacks}) -> Stacks;
stacks_of(Error) -> Error.

-spec profile(atom(), cpu | heap, gwport_options:given()) ->
    {ok, binary() | file:filename()} | error().
profile(Pool, What, Given) when What =:= cpu; What =:= heap ->
    case options(Pool, What, Given) of
        {ok, Ports, Options} ->
            kept(maps:get(file, Options), await(ask(What, busiest(Ports), Options)));
        Error ->
            Error
    end;
profile(_, What, _) ->
    {error, {bad_option, {profile, What, "expected cpu or heap"}}}.

%% The ports that can be asked, of which there is one at least.
options(Pool, What, Given) ->
    case checked(What, Given) of
        {ok, Options} -> ports(Pool, maps:get(os_pid, Options), gwport_pool:info(Pool), Options);
        Error -> Error
    end.

ports(Pool, _, {error, no_pool}, _) ->
    wrong(no_pool, "there is no pool ~tp on this node", [Pool]);
ports(Pool, Wanted, {ok, Ports}, Options) ->
    Up = [Port || Port = #{state := State, os_pid := OsPid} <- Ports, is_up(State),
        is_integer(OsPid), Wanted =:= any orelse Wanted =:= OsPid],
    case Up of
        [] when Wanted =:= any -> wrong(no_port, "no program of pool ~tp is up", [Pool]);
        [] -> wrong(no_port, "no program of pool ~tp that is up has the OS pid ~b", [Pool, Wanted]);
        _ -> {ok, Up, Options}
    end.

is_up(serving) -> true;
is_up(draining) -> true;
is_up(spare) -> true;
is_up(_) -> false.

busiest([First | Rest]) ->
    lists:foldl(fun(Port = #{in_flight := N}, #{in_flight := Most}) when N > Most -> Port;
        (_, Busiest) -> Busiest
    end, First, Rest).

%% A profile's own time does not count.
ask(What, #{owner := Owner, os_pid := OsPid}, Options) ->
    #{time := Time, max_size := Most, timeout := Timeout} = Options,
    To = erlang:monitor(process, Owner, [{alias, demonitor}]),
    gwport_port:ask(Owner, {To, What, Time, Most}),
    #wait{os_pid = OsPid, owner = Owner, to = To, options = Options,
        deadline = now_ms() + Time + Timeout}.

await(Wait = #wait{to = To}) ->
    Result = parts(Wait, []),
    true = erlang:demonitor(To, [flush]),
    flush(To),
    Result.

parts(Wait = #wait{to = To, owner = Owner, deadline = Deadline}, Parts) ->
    receive
        {To, {part, Bytes}} -> parts(Wait, [Bytes | Parts]);
        {To, {answered, done, _}} -> {ok, iolist_to_binary(lists:reverse(Parts))};
        {To, {answered, Result, Text}} -> wrong(Result, Text, Wait);
        {'DOWN', To, process, _, _} -> wrong(port_down, <<>>, Wait)
    after max(0, Deadline - now_ms()) ->
        gwport_port:forget(Owner, To),
        wrong(timeout, <<>>, Wait)
    end.

%% What was on its way.
flush(To) ->
    receive {To, _} -> flush(To)
    after 0 -> ok
    end.

wrong(Reason, Format, Args) when is_list(Args) ->
    {error, {Reason, unicode:characters_to_binary(io_lib:format(Format, Args))}};
wrong(Reason, Text, #wait{os_pid = OsPid, options = Options}) ->
    {Format, Args} = why(Reason, Options),
    Said = case Text of <<>> -> ""; _ -> [": ", gwport_line:text(Text)] end,
    wrong(Reason, "the program with the OS pid ~b " ++ Format ++ "~ts", [OsPid] ++ Args ++ [Said]).

why(unsupported, _) ->
    {"has not the capability evidence: it is of an older bridge, or of another one", []};
why(busy, _) ->
    {"is asked for the same already, by somebody else", []};
why(too_large, #{max_size := Most}) ->
    {"has an answer of more than ~b bytes, which is max_size", [Most]};
why(timeout, #{time := 0, timeout := Timeout}) ->
    {"has not answered within ~b ms", [Timeout]};
why(timeout, #{time := Time, timeout := Timeout}) ->
    {"has not answered within the ~b ms of the profile and ~b ms more", [Time, Timeout]};
why(port_down, _) ->
    {"has ended before it had answered", []};
why(unknown, _) ->
    {"knows nothing of such evidence", []};
why(failed, _) ->
    {"could not answer", []}.

kept(undefined, Result) ->
    Result;
kept(File, {ok, Profile}) ->
    case file:write_file(File, Profile) of
        ok -> {ok, File};
        {error, Reason} ->
            wrong(file, "~ts cannot be written: ~ts", [File, file:format_error(Reason)])
    end;
kept(_, Error) ->
    Error.

now_ms() ->
    erlang:monotonic_time(millisecond).

checked(What, Given) ->
    case gwport_options:map(Given) of
        {ok, Options} ->
            gwport_options:check(Options, defaults(What), [],
                fun(Key, Value) -> value(What, Key, Value) end, fun whole/1);
        error ->
            {error, {bad_option, {options, Given, gwport_options:not_options()}}}
    end.

defaults(cpu) -> (defaults(heap))#{seconds => 10};
defaults(_) -> #{os_pid => any, max_size => 16777216, timeout => 10000, file => undefined}.

value(_, os_pid, any) -> {ok, any};
value(_, os_pid, OsPid) -> gwport_options:integer(OsPid, 1, 1 bsl 31);
value(_, max_size, N) -> gwport_options:integer(N, 1, 1 bsl 30);
value(_, timeout, N) -> gwport_options:integer(N, 1, 600000);
value(cpu, seconds, N) -> gwport_options:integer(N, 1, 600);
value(What, file, File) when What =/= stacks -> new_file(gwport_options:os_text(File));
value(_, _, _) -> gwport_options:no_option().

%% Before a profile is taken for nothing.
new_file({ok, File}) ->
    case {filelib:is_dir(File), filelib:is_dir(filename:dirname(File))} of
        {true, _} -> {error, "a folder"};
        {false, true} -> {ok, File};
        {false, false} -> {error, "no such folder"}
    end;
new_file(Error) ->
    Error.

whole(Options = #{seconds := Seconds}) ->
    {ok, (maps:remove(seconds, Options))#{time => 1000 * Seconds}};
whole(Options) ->
    {ok, Options#{time => 0}}.
