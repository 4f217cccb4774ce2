%% One half of a stream, which is one direction of it: the order of its frames, its credit, and its
%% end or abort (SPEC.md, section 7). A half is the same on both sides: who sends it holds to it as
%% who receives it does.
%%
%% A request has its head in `open` and begins with its body; a response begins with its head.
%% That is the only difference, so a stream that the program opens has the same halves the other
%% way round.
%% @hidden
-module(gwport_half).

-export([new/2, none/0, handed_over/1, is_offered/1, is_raw/1]).
-export([frame/4, is_within/3, ends/1, abort/1, look/1]).
-export([is_open/1, is_aborted/1, end_of/1, credit/1, grant/2, taken/2]).

-export_type([half/0, kind/0]).

-type kind() :: inform | head | takeover | chunk | file | fin | trailers | reply.

-record(half, {
    phase :: phase(),
    informs = 0 :: non_neg_integer(),
    %% Whether it carries the bytes of a connection, or may: in the place of its head, or behind that,
    %% which may have just come.
    raw = no :: no | may | behind | now | yes,
    credit :: gwport_credit:credit()
}).
-opaque half() :: #half{}.

%% `last`: its last frame was taken, and may still wait to be written. `none`: it had none.
%% `aborted`: by its sender, who waits for the other half's end, for long if `overdue`.
-type phase() :: start | body | last | none | aborted | overdue.

%% Each kind with the phase in which it comes, the one that it leads to, and what its size is held
%% to. No other kind is of a half.
-define(ORDER, #{
    inform   => {start, start, head},
    head     => {start, body, head},
    reply    => {start, last, whole},
    takeover => {start, body, raw},
    chunk    => {body, body, chunk},
    file     => {body, body, head},
    fin      => {body, last, empty},
    trailers => {body, last, head}
}).

-define(MAX_INFORMS, 16).

-spec new(request | response | takeover | connect, Window :: non_neg_integer()) -> half().
new(request, Window) ->
    #half{phase = body, credit = gwport_credit:new(Window)};
new(response, Window) ->
    #half{phase = start, credit = gwport_credit:new(Window)};
new(takeover, Window) ->
    #half{phase = start, raw = may, credit = gwport_credit:new(Window)};
new(connect, Window) ->
    #half{phase = start, raw = behind, credit = gwport_credit:new(Window)}.

%% A request that ends with its head.
-spec none() -> half().
none() ->
    #half{phase = none, credit = gwport_credit:new(0)}.

%% The connection is with its new client, and the sender of this half may go on [U2].
-spec handed_over(half()) -> half().
handed_over(Half = #half{credit = Credit}) ->
    Half#half{credit = gwport_credit:renewed(Credit)}.

%% Whether a takeover may come in the place of its head, or could have.
-spec is_offered(half()) -> boolean().
is_offered(#half{raw = Raw}) ->
    Raw =:= may.

%% Whether it carries the bytes of a connection.
-spec is_raw(half()) -> boolean().
is_raw(#half{raw = Raw}) ->
    Raw =:= yes.

%% One more frame, of so many bytes: whether it is the last, or what is wrong with it.
-spec frame(kind(), Bytes :: non_neg_integer(), MaxHead :: pos_integer() | infinity, half()) ->
    {more | last, half()} | {error, gwport_frame:code(), Text :: binary()}.
frame(Kind, _, _, #half{raw = yes}) when Kind =:= trailers; Kind =:= file ->
    {error, bad_order, <<(atom_to_binary(Kind))/binary, " behind takeover">>};
frame(takeover, _, _, Half = #half{raw = now}) ->
    {more, Half#half{raw = yes}};
frame(Kind, Bytes, MaxHead, Half = #half{raw = now}) ->
    frame(Kind, Bytes, MaxHead, Half#half{raw = no});
frame(Kind, Bytes, MaxHead, Half = #half{phase = Phase}) ->
    case ?ORDER of
        #{Kind := {Phase, Next, Limit}} ->
            within(limit(Limit, Kind, Bytes, MaxHead, Half), Next);
        #{} ->
            {error, bad_order, <<(atom_to_binary(Kind))/binary, " out of order">>}
    end.

within({ok, Half}, last) -> {last, Half#half{phase = last}};
within({ok, Half}, Next) -> {more, Half#half{phase = Next}};
within(Error, _) -> Error.

limit(chunk, _, Bytes, _, Half = #half{credit = Credit}) ->
    Max = gwport_frame:max_chunk(),
    case Bytes >= 1 andalso Bytes =< Max andalso gwport_credit:spend(Bytes, Credit) of
        {ok, Credit1} -> {ok, Half#half{credit = Credit1}};
        error -> {error, flow_exceeded, <<"bytes beyond credit">>};
        false -> {error, bad_payload, <<"a chunk has 1 to 65536 bytes">>}
    end;
limit(_, inform, _, _, #half{informs = ?MAX_INFORMS}) ->
    {error, bad_order, <<"more than 16 informs">>};
limit(head, Kind, Bytes, MaxHead, _) when Bytes > MaxHead ->
    {error, too_large, <<(atom_to_binary(Kind))/binary, " over max_head">>};
limit(head, inform, _, _, Half = #half{informs = Informs}) ->
    {ok, Half#half{informs = Informs + 1}};
limit(head, head, _, _, Half = #half{raw = behind}) ->
    {ok, Half#half{raw = now}};
limit(whole, _, Bytes, MaxHead, Half = #half{credit = Credit}) ->
    case is_within(Bytes, MaxHead, gwport_credit:left(Credit)) of
        true -> {ok, Half};
        false -> {error, too_large, <<"a reply over max_head and its credit">>}
    end;
limit(raw, _, _, _, Half = #half{raw = may, credit = Credit}) ->
    {ok, Half#half{raw = yes, credit = gwport_credit:withdrawn(Credit)}};
limit(raw, _, _, _, _) ->
    {error, bad_order, <<"takeover of a stream that is not offered">>};
limit(_, _, _, _, Half) ->
    {ok, Half}.

%% Whether a reply is as small as it must be, whose half has so much credit left.
-spec is_within(Bytes :: non_neg_integer(), MaxHead :: pos_integer(), Left :: non_neg_integer()) ->
    boolean().
is_within(Bytes, MaxHead, Left) ->
    Bytes =< MaxHead + Left.

%% Whether a kind is the last of its half, and so an abort; right or wrong.
-spec ends(gwport_frame:kind()) -> boolean().
ends(abort) ->
    true;
ends(Kind) ->
    case ?ORDER of
        #{Kind := {_, last, _}} -> true;
        #{} -> false
    end.

-spec abort(half()) -> half().
abort(Half) ->
    Half#half{phase = aborted}.

%% A look at an abort that is not answered: whether there was one before.
-spec look(half()) -> {overdue | in_time, half()}.
look(Half = #half{phase = aborted}) -> {in_time, Half#half{phase = overdue}};
look(Half = #half{phase = overdue}) -> {overdue, Half};
look(Half) -> {in_time, Half}.

-spec is_open(half()) -> boolean().
is_open(#half{phase = Phase}) ->
    Phase =:= start orelse Phase =:= body.

-spec is_aborted(half()) -> boolean().
is_aborted(#half{phase = Phase}) ->
    Phase =:= aborted orelse Phase =:= overdue.

%% What has become of it: with none there is nothing to give up, and the other side knows.
-spec end_of(half()) -> open | last | none | aborted.
end_of(#half{phase = overdue}) -> aborted;
end_of(#half{phase = Phase}) when Phase =:= start; Phase =:= body -> open;
end_of(#half{phase = Phase}) -> Phase.

-spec credit(half()) -> gwport_credit:credit().
credit(#half{credit = Credit}) ->
    Credit.

%% Its sender hears of more credit.
-spec grant(integer(), half()) -> {ok, half()} | error.
grant(Grant, Half = #half{credit = Credit}) ->
    case gwport_credit:grant(Grant, Credit) of
        {ok, Credit1} -> {ok, Half#half{credit = Credit1}};
        error -> error
    end.

%% Bytes of it were taken by whom they are for: what its receiver is to grant.
-spec taken(non_neg_integer(), half()) -> {non_neg_integer(), half()}.
taken(Bytes, Half = #half{credit = Credit}) ->
    {Grant, Credit1} = gwport_credit:taken(Bytes, Credit),
    {Grant, Half#half{credit = Credit1}}.
