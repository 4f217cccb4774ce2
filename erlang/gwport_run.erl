%% The owner of one stream whose app is in Erlang: to the exchange it is what a port's owner is, so
%% that times, limits, order and ends of a response are those of every other app's (gwport_stream).
%%
%% The app has a process of its own (gwport_run_app), which may be busy, or wait for whom it likes.
%% This one never is: it hears of its client's end, and of time that is up, and then ends the app at
%% once, whatever that is doing. It holds the request's body until it is read, and lets the app send
%% no more of a response than its client may be behind. If the app did not live to close its body,
%% this one does.
%%
%% It is started by the client's process, and ends with the app's.
%% @hidden
-module(gwport_run).

-export([start/3]).

-include_lib("kernel/include/logger.hrl").

%% Bytes of a response that its client may be behind, and of a request's body that are taken from
%% the client before the app reads them. Nothing is taken before it reads at all.
-define(WINDOW, 65536).
%% What an app may do behind the end of its request, in milliseconds, if it traps exits.
-define(GRACE, 5000).

-record(run, {
    to :: gwport_watch:to(),
    client :: reference(),
    app :: pid(),
    monitor :: reference(),
    %% What has come of the request's body, how much of that was read since the last grant, and who
    %% waits for more, the first one first.
    held = queue:new() :: queue:queue(binary()),
    is_fin :: boolean(),
    is_asked = false :: boolean(),
    read = 0 :: non_neg_integer(),
    readers = [] :: [{gwport_run_app:from(), pos_integer()}],
    %% What the client has not taken of the response, and whether the app waits for that.
    ahead = 0 :: non_neg_integer(),
    sender = none :: none | gwport_run_app:from(),
    %% Of the response's body, until the app is about to call it.
    close = none :: none | fun(() -> term())
}).

%% To runs the app for a request of the calling process, which is To's; its events are a port's.
-spec start(gwport_run_app:app(), gwport_environ:request(), gwport_watch:to()) ->
    gwport_handle:handle().
start(App, Request, To) ->
    Client = self(),
    gwport_handle:alone(spawn(fun() ->
        gwport_failure:run("the owner of an app's request",
            fun() -> begun(App, Request, Client, To) end)
    end)).

begun(App, Request, Client, To) ->
    Owner = self(),
    Monitor = erlang:monitor(process, Client),
    {Pid, Down} = spawn_monitor(fun() -> gwport_run_app:run(App, Request, Owner) end),
    Body = gwport_request:body(Request),
    loop(#run{to = To, client = Monitor, app = Pid, monitor = Down,
        is_fin = Body =:= none orelse Body =:= upgrade}).

loop(Run = #run{client = Client, monitor = Monitor}) ->
    receive
        {run, From, Asked} ->
            asked(Asked, From, Run);
        {send, _, chunk, Data} ->
            loop(serve(has(iolist_to_binary(Data), Run)));
        {send, _, fin, _} ->
            loop(serve(Run#run{is_fin = true}));
        {consumed, _, Bytes} ->
            loop(consumed(Bytes, Run));
        {abort, _, _, _} ->
            over(Run);
        {overdue, _, _, _} ->
            over(Run);
        {'DOWN', Client, process, _, _} ->
            over(Run);
        {'DOWN', Monitor, process, _, Reason} ->
            killed(Reason, Run)
    end.

%% What the app wants

asked({read, Max}, From, Run = #run{readers = Readers}) ->
    loop(serve(granted(Run#run{readers = Readers ++ [{From, Max}]})));
asked({close, Close}, From, Run) ->
    gwport_run_app:answer(From, ok),
    loop(Run#run{close = Close});
asked({event, Event = {chunk, Data}}, From, Run = #run{to = To, ahead = Ahead}) ->
    gwport_watch:tell(To, Event),
    loop(consumed(0, Run#run{ahead = Ahead + byte_size(Data), sender = From}));
asked({event, Event = {head, _}}, From, Run = #run{to = To}) ->
    gwport_watch:tell(To, Event),
    gwport_run_app:answer(From, ok),
    loop(Run);
%% It ends the response.
asked({event, Last}, From, Run = #run{to = To}) ->
    gwport_watch:tell(To, Last),
    gwport_run_app:answer(From, ok),
    closing(infinity, Run).

%% The first read tells a client to go on that waits to be told.
granted(Run = #run{is_asked = false, is_fin = false, to = To}) ->
    gwport_watch:tell(To, {credit, ?WINDOW}),
    Run#run{is_asked = true};
granted(Run) ->
    Run.

has(Data, Run = #run{held = Held}) ->
    Run#run{held = queue:in(Data, Held)}.

serve(Run = #run{readers = []}) ->
    Run;
serve(Run = #run{readers = [{From, Max} | Readers], held = Held, is_fin = IsFin}) ->
    case {queue:out(Held), IsFin} of
        {{{value, Data}, Rest}, _} ->
            serve(read(Data, Max, From, Run#run{readers = Readers, held = Rest}));
        {{empty, _}, true} ->
            gwport_run_app:answer(From, eof),
            serve(Run#run{readers = Readers});
        {{empty, _}, false} ->
            Run
    end.

read(Data, Max, From, Run = #run{held = Held}) when byte_size(Data) > Max ->
    <<Piece:Max/binary, Rest/binary>> = Data,
    read(Piece, Max, From, Run#run{held = queue:in_r(Rest, Held)});
read(Data, _, From, Run = #run{read = Read}) ->
    gwport_run_app:answer(From, {ok, Data}),
    grant(Run#run{read = Read + byte_size(Data)}).

grant(Run = #run{read = Read, is_fin = false, to = To}) when 2 * Read >= ?WINDOW ->
    gwport_watch:tell(To, {credit, Read}),
    Run#run{read = 0};
grant(Run) ->
    Run.

consumed(Bytes, Run = #run{ahead = Ahead, sender = Sender}) ->
    case {Ahead - Bytes, Sender} of
        {Left, From} when Left < ?WINDOW, From =/= none ->
            gwport_run_app:answer(From, ok),
            Run#run{ahead = Left, sender = none};
        {Left, _} ->
            Run#run{ahead = Left}
    end.

%% Ends

%% Nobody wants anything of the app any more.
over(Run = #run{app = App}) ->
    true = exit(App, shutdown),
    closing(?GRACE, Run).

%% Within a grace an app is ended, and does not close its body itself.
closing(Grace, Run = #run{monitor = Monitor}) ->
    receive
        {run, From, {close, none}} when Grace =:= infinity ->
            gwport_run_app:answer(From, ok),
            closing(Grace, Run#run{close = none});
        {run, From, {close, Close}} when is_function(Close) ->
            gwport_run_app:answer(From, gone),
            closing(Grace, Run#run{close = Close});
        {run, From, _} ->
            gwport_run_app:answer(From, gone),
            closing(Grace, Run);
        {'DOWN', Monitor, process, _, _} ->
            close(Run)
    after Grace ->
        killing(Run)
    end.

killing(Run = #run{app = App, monitor = Monitor}) ->
    true = exit(App, kill),
    receive {'DOWN', Monitor, process, _, _} -> close(Run) end.

%% Its own failures it tells of itself.
killed(Reason, Run = #run{to = To}) ->
    ?LOG_ERROR("gwport: an app's process was ended before its response was: ~0p",
        [gwport_failure:tag(Reason)]),
    gwport_watch:tell(To, {abort, internal_error, <<>>}),
    close(Run).

close(#run{close = none}) -> ok;
close(#run{close = Close}) -> gwport_run_app:close(Close).
