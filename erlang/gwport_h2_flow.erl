%% How many bytes the streams of a connection of HTTP/2 still want of their client, as Cowboy counts
%% them, and what is asked for besides where that is too few. Its state is in the process dictionary of
%% the connection's process; gwport_pipeline_h calls it.
%%
%% Cowboy has a count for each stream, to which {flow, N} adds N, and their sum. It opens the window of
%% the connection when more is wanted than that lets through. But the sum gets too small: of bytes that
%% their stream has not asked for all are taken off it, down to 0, whatever other streams want; and what
%% a stream still wants when it ends is taken off too, even below 0. Then a stream waits, its client may
%% not send, because the window is used up, and nothing opens it again (Cowboy 2.8 to 2.18).
%%
%% So the sum is kept here as Cowboy has it. A stream that asks when it is below 0 asks for what is
%% lacking besides. Where it is 0 or below while a stream wants more, that asks again a moment later,
%% unless another one has asked until then.
%% @hidden
-module(gwport_h2_flow).

-export([received/2, asked/2, again/1, ended/2]).

-record(flow, {
    sum = 0 :: integer(),
    wanted = #{} :: #{cowboy_stream:streamid() => pos_integer()},
    %% Which stream is to look whether it has to ask again.
    look = none :: none | {cowboy_stream:streamid(), Timer :: reference()}
}).

%% In milliseconds.
-define(LOOK, 100).

%% Bytes have come for a stream. Called before commands are looked at that come of it.
-spec received(cowboy_stream:streamid(), Bytes :: non_neg_integer()) -> ok.
received(Id, Bytes) ->
    case get(?MODULE) of
        Flow = #flow{sum = Sum, wanted = Wanted} when Bytes > 0 ->
            keep(Flow#flow{sum = max(0, Sum - Bytes),
                wanted = want(Id, maps:get(Id, Wanted, 0) - Bytes, Wanted)});
        _ ->
            ok
    end.

want(Id, Bytes, Wanted) when Bytes > 0 -> Wanted#{Id => Bytes};
want(Id, _, Wanted) -> maps:remove(Id, Wanted).

%% The stream's commands, with what has to be asked for besides.
-spec asked(cowboy_stream:streamid(), cowboy_stream:commands()) -> cowboy_stream:commands().
asked(Id, Commands) ->
    case [Bytes || {flow, Bytes} <- Commands] of
        [] -> Commands;
        Asked -> ask(Id, lists:sum(Asked), flow()) ++ Commands
    end.

ask(Id, Bytes, Flow = #flow{sum = Sum, wanted = Wanted}) ->
    Lacking = max(0, 1 - Sum - Bytes),
    ok = keep(Flow#flow{sum = Sum + Bytes + Lacking,
        wanted = want(Id, maps:get(Id, Wanted, 0) + Bytes + Lacking, Wanted)}),
    [{flow, Lacking} || Lacking > 0].

%% The stream has been told to look.
-spec again(cowboy_stream:streamid()) -> cowboy_stream:commands().
again(Id) ->
    case flow() of
        #flow{sum = Sum, wanted = Wanted} = Flow when Sum =< 0, is_map_key(Id, Wanted) ->
            ask(Id, 0, Flow#flow{look = none});
        Flow ->
            ok = keep(Flow#flow{look = none}),
            []
    end.

%% Of what a stream wants that its client has reset Cowboy takes nothing off the sum. Its reason is the
%% name or the number of an error of HTTP/2 then.
-spec ended(cowboy_stream:streamid(), cowboy_stream:reason()) -> ok.
ended(Id, Reason) ->
    case get(?MODULE) of
        undefined ->
            ok;
        Flow = #flow{sum = Sum, wanted = Wanted, look = Look} ->
            Lost = case Reason of
                normal -> maps:get(Id, Wanted, 0);
                _ when is_tuple(Reason) -> maps:get(Id, Wanted, 0);
                _ -> 0
            end,
            keep(Flow#flow{sum = Sum - Lost, wanted = maps:remove(Id, Wanted),
                look = forget(Id, Look)})
    end.

forget(Id, {Id, Timer}) ->
    _ = erlang:cancel_timer(Timer),
    receive {{Connection, Id}, gwport_look} when Connection =:= self() -> none
    after 0 -> none
    end;
forget(_, Look) ->
    Look.

flow() ->
    case get(?MODULE) of
        undefined -> #flow{};
        Flow -> Flow
    end.

keep(Flow = #flow{sum = Sum, wanted = Wanted, look = none}) when Sum =< 0, map_size(Wanted) > 0 ->
    {Id, _, _} = maps:next(maps:iterator(Wanted)),
    Timer = erlang:send_after(?LOOK, self(), {{self(), Id}, gwport_look}),
    _ = put(?MODULE, Flow#flow{look = {Id, Timer}}),
    ok;
keep(Flow) ->
    _ = put(?MODULE, Flow),
    ok.
