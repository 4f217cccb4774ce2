%% A request to an app without HTTP: gwport:request/3. It drives gwport_stream as the handler does,
%% with a client that has its whole body at hand and keeps the whole response.
-module(gwport_client).

-export([request/3]).

-record(call, {
    caller :: reference(),
    handle :: gwport_port:handle() | undefined,
    ref :: reference() | undefined,
    stream :: gwport_stream:stream() | undefined,
    body :: binary(),
    head :: undefined | gwport_response:head(),
    data = [] :: iodata(),
    room :: integer()
}).

-define(MAX_RESPONSE, 16777216).

%% In a process of its own, so that nothing that comes late is left with the caller; it ends, and
%% the request with it, when the caller does.
-spec request(atom(), gwport:request() | list(), map() | list()) ->
    {ok, gwport:response()} | {error, term()}.
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
        {ok, Mount, Room} ->
            case gwport_call:request(Given, Mount) of
                {ok, Term, Body} ->
                    open(Term, Mount, #call{caller = Caller, body = Body, room = Room});
                Error ->
                    Error
            end;
        Error ->
            Error
    end.

options(_, #{max_response := Max}) when not is_integer(Max); Max < 0 ->
    {error, {bad_option, {max_response, Max}}};
options(Pool, Options) when is_map(Options) ->
    case gwport_options:mount(maps:without([max_response], Options#{pool => Pool})) of
        {ok, Mount} -> {ok, Mount, maps:get(max_response, Options, ?MAX_RESPONSE)};
        Error -> Error
    end;
options(Pool, Options) ->
    try maps:from_list(Options) of
        Map -> options(Pool, Map)
    catch
        error:badarg -> {error, {bad_option, {options, hidden}}}
    end.

open(Term, Mount, Call) ->
    case gwport_exchange:open(Term, Mount, ref) of
        {ok, Handle, Ref, Stream} -> loop(Call#call{handle = Handle, ref = Ref, stream = Stream});
        Error -> Error
    end.

loop(Call = #call{caller = Caller, ref = Ref, stream = Stream}) ->
    receive
        {'DOWN', Caller, process, _, _} -> exit(normal);
        {Ref, {gwport, Event}} -> event({port, Event}, Call)
    after gwport_stream:timeout(now_ms(), Stream) ->
        event(timeout, Call)
    end.

event(Event, Call = #call{stream = Stream0}) ->
    {Commands, Stream} = gwport_stream:event(Event, now_ms(), Stream0),
    commands(Commands, Call#call{stream = Stream}).

commands([], Call) -> loop(Call);
commands([done | _], #call{room = Room}) when Room < 0 -> {error, too_large_response};
commands([done | _], Call) -> {ok, response(Call)};
commands([{fail, Reason} | _], _) -> {error, Reason};
commands([{break, Reason} | _], _) -> {error, {broken_off, Reason}};
%% This client reads and takes at once; nothing can be left to do behind either.
commands([read], Call = #call{body = Body}) -> event({client, fin, Body}, Call);
commands([{data, nofin, Data}], Call) -> taken(keep(Data, Call));
commands([Command | Rest], Call) -> commands(Rest, command(Command, Call)).

command({reply, Head, Body}, Call) -> keep(Body, Call#call{head = Head});
command({head, Head}, Call) -> Call#call{head = Head};
command({data, _, Data}, Call) -> keep(Data, Call);
command({inform, _, _}, Call) -> Call;
command({trailers, _}, Call) -> Call;
command(Command, Call = #call{handle = Handle, ref = Ref}) ->
    gwport_exchange:tell(Command, Handle, Ref),
    Call.

keep(Data, Call = #call{data = Before, room = Room}) ->
    Call#call{data = [Before | Data], room = Room - iolist_size(Data)}.

taken(#call{room = Room}) when Room < 0 -> {error, too_large_response};
taken(Call) -> event(taken, Call).

response(#call{head = #{code := Code, headers := Headers}, data = Data}) ->
    {Code, [{Name, iolist_to_binary(Value)} || {Name, Value} <- Headers], iolist_to_binary(Data)}.

now_ms() ->
    erlang:monotonic_time(millisecond).
