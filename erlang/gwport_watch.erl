%% The watch of a port: it acts where those who should cannot.
%%
%% A port's owner tells the ends of its streams how they fare, but an owner that is killed says
%% nothing; and a connection that is stuck in a send to a client that does not read hears of no
%% deadline. The watch knows the ends of the streams (a table, which the ends write themselves), is
%% linked to the owner, and is told when a stuck stream's time will be up.
%%
%% An end is where a stream's events go: {Dest, Tag}, which is sent {Tag, {gwport, Event}}. Dest is
%% an alias of the end's process, so that nothing reaches it once it has left.
%%
%% It ends with the owner, after the ends have heard of it; the owner ends when the watch does.
-module(gwport_watch).

-export([start_link/1, follow/1, last_words/1, join/3, leave/2, close/3, tell/2, is_watch/2]).
-export([guard/5, unguard/1]).
-export([init/1]).

-export_type([watch/0, to/0, guard/0]).

-record(watch, {pid :: pid(), ends :: ets:table()}).
-opaque watch() :: #watch{}.
-type to() :: {Dest :: pid() | reference(), Tag :: term()}.
-opaque guard() :: reference().

%% What the table has when the ends have been told: who comes later looks after itself.
-define(CLOSED, closed).
%% How long a connection may take to notice, after its stream's time is up, before it is killed.
-define(GRACE, 5000).

%% Called by the owner. The heir is who tells the ends when owner and watch are killed together: it
%% is sent {'ETS-TRANSFER', Ends, _, Owner} when the watch is, and calls last_words/1 when both are
%% dead.
-spec start_link(Heir :: pid() | none) -> watch().
start_link(Heir) ->
    {ok, Watch} = proc_lib:start_link(?MODULE, init, [{self(), Heir}]),
    Watch.

%% Called by the heir: what it inherits comes before the message that the watch is down.
-spec follow(watch()) -> reference().
follow(#watch{pid = Pid}) ->
    erlang:monitor(process, Pid).

%% Called by whoever has the table when the owner is dead.
-spec last_words(ets:table()) -> ok.
last_words(Ends) ->
    true = ets:insert(Ends, {?CLOSED, true}),
    lists:foreach(fun tell_end/1, ets:tab2list(Ends)),
    true = ets:delete(Ends),
    ok.

%% A stream's end begins to listen; `gone` if the owner is dead and nothing will be heard.
-spec join(reference(), to(), watch()) -> ok | gone.
join(Ref, To, #watch{ends = Ends}) ->
    try
        true = ets:insert(Ends, {Ref, To}),
        case ets:member(Ends, ?CLOSED) of
            false -> ok;
            true -> gone
        end
    catch
        %% The watch has ended, and its table with it.
        error:badarg -> gone
    end.

%% A stream's end wants to hear no more, or will be told no more.
-spec leave(reference(), watch()) -> ok.
leave(Ref, #watch{ends = Ends}) ->
    try ets:delete(Ends, Ref) of
        true -> ok
    catch
        error:badarg -> ok
    end.

%% Called by the owner at its end: who comes now is turned away, and the ends that have come, but for
%% those of live streams, are told Event.
-spec close(IsLive :: fun((reference()) -> boolean()), gwport_mux:event(), watch()) -> ok.
close(IsLive, Event, #watch{ends = Ends}) ->
    try
        true = ets:insert(Ends, {?CLOSED, true}),
        lists:foreach(fun(To) -> tell(To, Event) end,
            [To || {Ref, To} <- ets:tab2list(Ends), is_reference(Ref), not IsLive(Ref)])
    catch
        error:badarg -> ok
    end.

-spec is_watch(pid() | port(), watch()) -> boolean().
is_watch(Pid, #watch{pid = Watch}) ->
    Pid =:= Watch.

-spec tell(to(), gwport_mux:event() | {refused, busy | draining}) -> ok.
tell({Dest, Tag}, Event) ->
    Dest ! {Tag, {gwport, Event}},
    ok.

%% The calling process is about to send what may take long, on behalf of stream Ref. If it does not
%% call unguard/1 within Time, the owner is told that the stream is given up, and why. With `kill`
%% the calling process is killed if it does not end within a grace after that: it carries one
%% stream, and is stuck.
-spec guard(Time :: timeout(), gwport_frame:code(), keep | kill, reference(), watch()) ->
    guard() | none.
guard(infinity, _, _, _, _) ->
    none;
guard(Time, Code, Fate, Ref, #watch{pid = Pid}) ->
    erlang:send_after(Time, Pid, {overdue, Ref, Code, Fate, self()}).

%% Whether it was in time.
-spec unguard(guard() | none) -> boolean().
unguard(none) -> true;
unguard(Guard) -> is_integer(erlang:cancel_timer(Guard)).

-spec init({Owner :: pid(), Heir :: pid() | none}) -> ok.
init({Owner, Heir}) ->
    process_flag(trap_exit, true),
    Ends = ets:new(?MODULE, [public, {write_concurrency, true}, heir(Heir, Owner)]),
    proc_lib:init_ack({ok, #watch{pid = self(), ends = Ends}}),
    gwport_failure:run("the watch of a port", fun() -> loop(Owner, Ends) end).

heir(none, _) -> {heir, none};
heir(Heir, Owner) -> {heir, Heir, Owner}.

loop(Owner, Ends) ->
    receive
        {'EXIT', Owner, _} ->
            last_words(Ends);
        {overdue, Ref, Code, Fate, Pid} ->
            Owner ! {abort, Ref, Code, <<>>},
            _ = [erlang:send_after(?GRACE, self(), {kill, Pid}) || Fate =:= kill],
            loop(Owner, Ends);
        {kill, Pid} ->
            exit(Pid, kill),
            loop(Owner, Ends);
        _ ->
            loop(Owner, Ends)
    end.

tell_end({?CLOSED, true}) -> ok;
tell_end({_, To}) -> tell(To, {port_down, true, owner_down}).
