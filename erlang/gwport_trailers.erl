%% Trailing fields of an HTTP/1.1 response for a client that has not said `te: trailers`: net/http
%% sends them, and Cowboy drops them.
%%
%% Cowboy frames the body, and marks say where it would end it (mark/2). There gwport_pipeline_h has
%% Cowboy hand the connection over, as it does to cowboy_websocket (takeover/7): the last chunk
%% and the fields are written here. Then Cowboy gets the connection back, or it ends.
%%
%% It gets it back where it leaves a request alone until the one before it has ended, from 2.18 on.
%% Before that it may have read a part of the next one, which would be lost. So such a connection
%% ends, which the head of the response says where the fields have been announced; and where other
%% requests of a client that does not wait are under way on it, their responses count for more than
%% the fields, and these are dropped.
%% @hidden
-module(gwport_trailers).

%% For gwport_cowboy_response.
-export([mark/2]).
%% For gwport_pipeline_h.
-export([is_marked/1, commands/3]).
%% For Cowboy, and for hibernation.
-export([takeover/7, again/6]).

-export_type([mark/0]).

%% What becomes of the connection behind the fields, and what a proxy has told of it; or, in a head
%% that announces fields, that the connection ends.
-type mark() :: {keep | close, ranch_proxy_header:proxy_info() | undefined} | ends.

%% In the map of a command, beside names that are binaries.
-define(MARK, ?MODULE).
%% Cowboy's own.
-define(LINGER, 1000).
-define(MAX_KEEPALIVE, 1000).

-spec mark(mark(), map()) -> map().
mark(Mark, Fields) ->
    Fields#{?MARK => Mark}.

-spec is_marked(tuple() | stop) -> boolean().
is_marked({headers, _, #{?MARK := _}}) -> true;
is_marked({trailers, #{?MARK := _}}) -> true;
is_marked(_) -> false.

%% Commands with a mark among them, as Cowboy is to have them. Alone: whether the connection carries
%% no other request.
-spec commands(cowboy_stream:streamid(), Alone :: boolean(), [Command]) -> [Command] when
    Command :: tuple() | stop.
commands(Id, Alone, [{headers, Status, Fields = #{?MARK := ends}} | Rest]) ->
    [{headers, Status, ending(Alone, maps:remove(?MARK, Fields))} | commands(Id, Alone, Rest)];
commands(Id, true, [{trailers, Fields = #{?MARK := Mark}} | _]) ->
    [{switch_protocol, #{}, ?MODULE, {Id, Mark, maps:remove(?MARK, Fields)}}];
commands(Id, false, [{trailers, Fields = #{?MARK := _}} | Rest]) ->
    [{trailers, maps:remove(?MARK, Fields)} | commands(Id, false, Rest)];
commands(Id, Alone, [Command | Rest]) ->
    [Command | commands(Id, Alone, Rest)];
commands(_, _, []) ->
    [].

ending(true, Fields = #{<<"connection">> := Options}) ->
    Fields#{<<"connection">> => [<<"close, ">>, Options]};
ending(true, Fields) ->
    Fields#{<<"connection">> => <<"close">>};
ending(false, Fields) ->
    Fields.

-spec takeover(pid(), ranch:ref(), inet:socket(), module(), cowboy:opts(), binary(),
    {cowboy_stream:streamid(), mark(), map()}) -> no_return().
takeover(Parent, Ref, Socket, Transport, Opts, Buffer, {Id, {Fate, Proxy}, Fields}) ->
    gwport_failure:run("the end of a response", fun() ->
        case {Transport:send(Socket, last_chunk(Fields)), left(Id, Opts)} of
            {ok, Left} when Fate =:= keep, Left > 0 ->
                early(Socket, Transport, Buffer),
                Back = [Parent, Ref, Socket, Transport, Proxy, Opts#{max_keepalive => Left}],
                self() ! ?MODULE,
                %% No other way leaves nothing behind on the stack, and a connection may come by
                %% here a thousand times.
                proc_lib:hibernate(?MODULE, again, Back);
            {ok, _} ->
                linger(Parent, Socket, Transport, maps:get(linger_timeout, Opts, ?LINGER));
            {{error, _}, _} ->
                close(Socket, Transport)
        end
    end).

last_chunk(Fields) ->
    [<<"0\r\n">>, [[Name, <<": ">>, Value, <<"\r\n">>] || {Name, Value} <- maps:to_list(Fields)],
        <<"\r\n">>].

%% How many requests the connection may still carry.
left(Id, Opts) ->
    case maps:get(max_keepalive, Opts, ?MAX_KEEPALIVE) of
        infinity -> infinity;
        Most -> Most - Id
    end.

%% What has come of the next request is where Cowboy looks first.
early(Socket, Transport, Buffer) ->
    Kind = element(1, Transport:messages()),
    case iolist_to_binary([Buffer | received(Kind, Socket)]) of
        <<>> -> ok;
        Early -> self() ! {Kind, Socket, Early}, ok
    end.

received(Kind, Socket) ->
    receive {Kind, Socket, Data} -> [Data | received(Kind, Socket)]
    after 0 -> []
    end.

-spec again(pid(), ranch:ref(), inet:socket(), module(), term(), cowboy:opts()) -> no_return().
again(Parent, Ref, Socket, Transport, Proxy, Opts) ->
    receive ?MODULE -> ok end,
    _ = process_flag(trap_exit, true),
    cowboy_http:init(Parent, Ref, Socket, Transport, Proxy, Opts).

%% What the client sends meanwhile is not wanted; unread, it would cost the client what it has not
%% read of the response.
linger(Parent, Socket, Transport, Time) ->
    _ = process_flag(trap_exit, false),
    receive {'EXIT', Parent, _} -> close(Socket, Transport)
    after 0 -> ok
    end,
    _ = Transport:shutdown(Socket, write),
    drain(Socket, Transport, until(Time)).

until(infinity) -> infinity;
until(Time) -> erlang:monotonic_time(millisecond) + Time.

drain(Socket, Transport, Until) ->
    case Transport:recv(Socket, 0, time_left(Until)) of
        {ok, _} -> drain(Socket, Transport, Until);
        {error, _} -> close(Socket, Transport)
    end.

time_left(infinity) -> infinity;
time_left(Until) -> max(0, Until - erlang:monotonic_time(millisecond)).

-spec close(inet:socket(), module()) -> no_return().
close(Socket, Transport) ->
    _ = Transport:close(Socket),
    exit(normal).
