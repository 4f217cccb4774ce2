%% Whether the program of a port lives and answers. It is in the state of the port's owner, who hands
%% it the messages {gwport_health, _} and {gwport_os, gone} and does what it says.
%% @hidden
-module(gwport_health).

-export([new/2, greeted/1, hear/2, pong/2, os_pid/1, look_often/1, hold/1, go_on/1, term/1, kill/1]).

-export_type([health/0]).

-record(health, {
    process :: gwport_os:process(),
    %% infinity: it is not asked; it may take for ever for an answer.
    ping_interval :: pos_integer() | infinity,
    ping_timeout :: pos_integer() | infinity,
    %% The last ping, and whether it is answered.
    ping = {0, answered} :: {non_neg_integer(), answered | waiting}
}).
-opaque health() :: #health{}.

%% How often the process is looked for. OTP tells of its end only when all have closed its standard
%% output, which what it has started may keep open.
-define(LIFE_CHECK, 1000).
%% How often it is looked for where it is known to be ending.
-define(END_CHECK, 100).
%% How long what a process wrote before its end may be on its way here.
-define(LAST_READ, 1000).

%% A program that has ended at once has no id any more; its end is on its way here.
-spec new({os_pid, pos_integer()} | undefined,
    #{ping_interval := pos_integer() | infinity, ping_timeout := pos_integer() | infinity,
        _ => _}) -> health().
new(OsPid, #{ping_interval := Interval, ping_timeout := Timeout}) ->
    later(?LIFE_CHECK, look),
    #health{process = process(OsPid), ping_interval = Interval, ping_timeout = Timeout}.

process({os_pid, OsPid}) -> gwport_os:adopt(OsPid);
process(undefined) -> gone.

%% From now on it is asked.
-spec greeted(health()) -> ok.
greeted(#health{ping_interval = Interval}) ->
    later(Interval, ping).

-spec hear(term(), health()) ->
    ok | {ping, non_neg_integer(), health()} | {fault, Sentence :: binary()} | lifeless.
hear(ping, Health = #health{ping = {N, answered}, ping_timeout = Timeout}) ->
    later(Timeout, {missed, N + 1}),
    {ping, N + 1, Health#health{ping = {N + 1, waiting}}};
hear({missed, N}, #health{ping = {N, waiting}, ping_timeout = Timeout}) ->
    {fault, iolist_to_binary(io_lib:format("no answer to a ping within ~b ms", [Timeout]))};
hear(look, #health{process = Process}) ->
    %% Asked again and again: there is no answer to many a look, and none while the process lives.
    gwport_os:look(Process),
    later(?LIFE_CHECK, look);
hear(look_often, Health) ->
    look_often(Health);
hear(gone, _) ->
    later(?LAST_READ, lifeless);
hear(lifeless, _) ->
    lifeless;
hear(_, _) ->
    ok.

%% An answer, if there was such a question.
-spec pong(term(), health()) -> {ok, health()} | error.
pong(N, Health = #health{ping = {N, waiting}, ping_interval = Interval}) ->
    later(Interval, ping),
    {ok, Health#health{ping = {N, answered}}};
pong(_, _) ->
    error.

later(infinity, _) ->
    ok;
later(Time, What) ->
    _ = erlang:send_after(Time, self(), {?MODULE, What}),
    ok.

-spec os_pid(health()) -> pos_integer() | undefined.
os_pid(#health{process = Process}) ->
    gwport_os:id(Process).

%% {gwport_os, gone} comes when the process has ended. One that ends closes what it has open before
%% it is gone, and on a busy machine long before.
-spec look_often(health()) -> ok.
look_often(#health{process = Process}) ->
    gwport_os:look(Process),
    later(?END_CHECK, look_often).

%% The program, and what it has started, are stopped, until they are to go on.
-spec hold(health()) -> ok.
hold(#health{process = Process}) ->
    gwport_os:signal(stop, Process).

-spec go_on(health()) -> ok.
go_on(#health{process = Process}) ->
    gwport_os:signal(cont, Process).

%% The program, and what it has started, are asked to end.
-spec term(health()) -> ok.
term(#health{process = Process}) ->
    gwport_os:signal(term, Process).

%% The program, and what it has started.
-spec kill(health()) -> ok.
kill(#health{process = Process}) ->
    gwport_os:kill(Process).
