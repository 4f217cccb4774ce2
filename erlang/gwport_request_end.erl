%% The end of a request's body on HTTP/2 that comes with trailers. Cowboy takes them and tells
%% nobody, neither of them nor that the body has ended; only its own state shows it. So whoever
%% reads such a body, and has heard nothing for a while, has a look there.
%% @hidden
-module(gwport_request_end).

-export([look/3]).

%% How long a connection that is busy may take to say.
-define(TIME, 5000).

%% Sends To the message if the client has ended the stream. What Cowboy has passed on before is
%% there before it. Where nothing can be seen, as with a Cowboy that keeps its state in another way,
%% there is no message.
-spec look(Connection :: pid(), cowboy_stream:streamid(), {To :: pid(), Message :: term()}) -> ok.
look(Connection, Id, Word) ->
    Look = fun(State) -> tell(has_ended(Id, State), Word), State end,
    _ = spawn(fun() -> ask(Connection, Look) end),
    ok.

%% The state of a connection may be large. It is looked at where it is, and stays as it is.
ask(Connection, Fun) ->
    try sys:replace_state(Connection, Fun, ?TIME) of
        _ -> ok
    catch
        _:_ -> ok
    end.

tell(true, {To, Message}) -> To ! Message, ok;
tell(false, _) -> ok.

has_ended(Id, {State, _Buffer}) when is_tuple(State) ->
    case lists:search(fun is_machine/1, tuple_to_list(State)) of
        {value, Machine} ->
            cow_http2_machine:get_stream_remote_state(Id, Machine) =:= {ok, fin};
        false ->
            false
    end;
has_ended(_, _) ->
    false.

is_machine(Part) ->
    is_tuple(Part) andalso tuple_size(Part) > 0 andalso element(1, Part) =:= http2_machine.
