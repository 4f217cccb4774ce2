%% A request to an app without HTTP: gwport:request/3. It drives gwport_exchange as a mount does,
%% for a client that has its whole body at hand and keeps the whole response.
%% @hidden
-module(gwport_client).

-export([request/3]).

-record(call, {
    %% The monitor of the caller, and what our messages have in front.
    caller :: reference(),
    tag :: term(),
    exchange :: gwport_exchange:exchange(),
    body :: binary(),
    head :: undefined | gwport_response:head(),
    data = [] :: iodata(),
    room :: integer()
}).

-define(MAX_RESPONSE, 16777216).

%% In a process of its own, so that nothing that comes late is left with the caller; it ends, and
%% the request with it, when the caller does.
-spec request(atom(), gwport:request() | proplists:proplist(), gwport:request_options()) ->
    {ok, gwport:response()} | {error, gwport:error()}.
request(Pool, Request, Options) ->
    Caller = self(),
    Tag = make_ref(),
    {Pid, Monitor} = spawn_monitor(fun() ->
        Gone = erlang:monitor(process, Caller),
        Caller ! {Tag, gwport_failure:run("gwport:request/3",
            fun() -> call(Pool, Request, Options, Gone) end)}
    end),
    receive
        {Tag, Result} ->
            true = erlang:demonitor(Monitor, [flush]),
            Result;
        {'DOWN', Monitor, process, Pid, Reason} ->
            {error, gwport_failure:tag(Reason)}
    end.

call(Pool, Given, Options, Caller) ->
    case options(Pool, Options) of
        {ok, Mount, Room} -> open(gwport_call:request(Given, Mount), Mount, Room, Caller);
        Error -> Error
    end.

open({ok, Request, Body}, Mount, Room, Caller) ->
    Exchange = gwport_exchange:open(Request, Mount, ref, now_ms()),
    loop(#call{caller = Caller, tag = gwport_exchange:tag(Exchange), exchange = Exchange,
        body = Body, room = Room});
open(Error, _, _, _) ->
    Error.

options(_, #{max_response := Max}) when not is_integer(Max); Max < 0 ->
    {error, {bad_option, {max_response, Max, "expected an integer from 0"}}};
options(Pool, Options) when is_map(Options) ->
    case gwport_mount_options:call(maps:without([max_response], Options#{pool => Pool})) of
        {ok, Mount} -> {ok, Mount, maps:get(max_response, Options, ?MAX_RESPONSE)};
        Error -> Error
    end;
options(Pool, Options) ->
    case gwport_options:map(Options) of
        {ok, Map} -> options(Pool, Map);
        error -> {error, {bad_option, {options, hidden,
            "expected a map, a keyword list or a property list"}}}
    end.

loop(Call = #call{caller = Caller, tag = Tag, exchange = Exchange}) ->
    receive
        {'DOWN', Caller, process, _, _} ->
            gwport_exchange:close(Exchange),
            exit(normal);
        {Tag, Event = {gwport, _}} -> event(Event, Call)
    after gwport_exchange:timeout(now_ms(), Exchange) ->
        event(timeout, Call)
    end.

event(Event, Call = #call{exchange = Exchange0}) ->
    {Commands, Exchange} = gwport_exchange:event(Event, now_ms(), Exchange0),
    commands(Commands, Call#call{exchange = Exchange}).

commands([], Call) -> loop(Call);
commands([done], #call{room = Room}) when Room < 0 -> {error, too_large_response};
commands([done], Call) -> {ok, response(Call)};
commands([{Failed, Reason}], _) when Failed =:= fail; Failed =:= refuse -> {error, Reason};
commands([{break, Reason}], _) -> {error, {broken_off, Reason}};
%% This client reads and takes at once; nothing can be left to do behind either.
commands([read], Call = #call{body = Body}) -> event({client, fin, Body}, Call);
commands([{data, nofin, Data}], Call) -> taken(keep(Data, Call));
commands([Command | Rest], Call) -> commands(Rest, command(Command, Call)).

command({reply, Head, Body}, Call) -> keep(Body, Call#call{head = Head});
command({head, Head}, Call) -> Call#call{head = Head};
command({data, fin, Data}, Call) -> keep(Data, Call);
command({inform, _, _}, Call) -> Call;
command({trailers, _}, Call) -> Call.

keep(Data, Call = #call{data = Before, room = Room}) ->
    Call#call{data = [Before | Data], room = Room - iolist_size(Data)}.

taken(#call{room = Room, exchange = Exchange}) when Room < 0 ->
    gwport_exchange:close(Exchange),
    {error, too_large_response};
taken(Call) ->
    event(taken, Call).

response(#call{head = #{code := Code, headers := Headers}, data = Data}) ->
    {Code, [{Name, iolist_to_binary(Value)} || {Name, Value} <- Headers], iolist_to_binary(Data)}.

now_ms() ->
    erlang:monotonic_time(millisecond).
