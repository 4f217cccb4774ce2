%% What a program is asked for, and has not answered yet (SPEC.md, section 16). It is in the state
%% of the port's owner, and speaks to those who have asked.
%%
%% Who asks gives an alias of its own, and is sent {To, {part, Bytes}}, and at last
%% {To, {answered, Result, Text}}.
%% @hidden
-module(gwport_asked).

-export([new/0, ask/2, refuse/2, forget/2, part/2, answered/2]).

-export_type([asked/0, question/0, what/0, result/0]).

-type what() :: stacks | heap | cpu.
%% Time is that of a profile, in milliseconds, Most the most bytes of an answer.
-type question() :: {To :: reference(), what(), Time :: 0..600000, Most :: 1..1073741824}.
%% The last two are the host's own.
-type result() :: done | failed | busy | unknown | too_large | unsupported | port_down.

-record(asked, {
    last = 0 :: non_neg_integer(),
    %% Who waits, and for how many bytes at most.
    waiting = #{} :: #{Number :: pos_integer() => {To :: reference(), Room :: non_neg_integer()}}
}).
-opaque asked() :: #asked{}.

-define(MAX_PART, 32768).
-define(MAX_NUMBER, 16#7fffffff).
-define(MAX_TEXT, 1024).
%% So many answers may be under way at a time. A program gives no more than one of each kind, and
%% those that nobody waits for any more are counted too.
-define(MAX_WAITING, 16).

-spec new() -> asked().
new() ->
    #asked{}.

%% What the payload of `ask` says.
-spec ask(question(), asked()) ->
    {ok, {Number :: pos_integer(), 0..2, Time :: 0..600000, Most :: pos_integer()}, asked()}
  | refused.
ask(Question, #asked{last = Last, waiting = Waiting})
        when map_size(Waiting) >= ?MAX_WAITING; Last >= ?MAX_NUMBER ->
    refuse(busy, Question),
    refused;
ask({To, What, Time, Most}, Asked = #asked{last = Last, waiting = Waiting}) ->
    Number = Last + 1,
    {ok, {Number, number(What), Time, Most},
        Asked#asked{last = Number, waiting = Waiting#{Number => {To, Most}}}}.

number(stacks) -> 0;
number(heap) -> 1;
number(cpu) -> 2.

-spec refuse(result(), question()) -> ok.
refuse(Result, {To, _, _, _}) ->
    tell(To, {answered, Result, <<>>}).

%% The number stays taken; what still comes under it is ignored.
-spec forget(reference(), asked()) -> asked().
forget(To, Asked = #asked{waiting = Waiting}) ->
    Asked#asked{waiting = maps:filter(fun(_, {Who, _}) -> Who =/= To end, Waiting)}.

%% The program's answer, piece by piece. What is too much of it is the end of it, for who has asked.
-spec part({ok, term()} | error, asked()) -> {ok, asked()} | error.
part({ok, {Number, Bytes}}, Asked = #asked{waiting = Waiting})
        when is_integer(Number), is_binary(Bytes), Bytes =/= <<>>, byte_size(Bytes) =< ?MAX_PART ->
    {ok, Asked#asked{waiting = case Waiting of
        #{Number := {To, Room}} -> taken(Bytes, Number, To, Room - byte_size(Bytes), Waiting);
        #{} -> Waiting
    end}};
part(_, _) ->
    error.

taken(_, Number, To, Room, Waiting) when Room < 0 ->
    tell(To, {answered, too_large, <<>>}),
    maps:remove(Number, Waiting);
taken(Bytes, Number, To, Room, Waiting) ->
    %% A part of what was read would keep all of that alive.
    tell(To, {part, binary:copy(Bytes)}),
    Waiting#{Number := {To, Room}}.

-spec answered({ok, term()} | error, asked()) -> {ok, asked()} | error.
answered({ok, {Number, Result, Text}}, Asked = #asked{waiting = Waiting})
        when is_integer(Number), is_integer(Result), is_binary(Text) ->
    case maps:take(Number, Waiting) of
        {{To, _}, Rest} ->
            tell(To, {answered, result(Result), shortened(Text)}),
            {ok, Asked#asked{waiting = Rest}};
        error ->
            {ok, Asked}
    end;
answered(_, _) ->
    error.

shortened(Text) ->
    binary:part(Text, 0, min(?MAX_TEXT, byte_size(Text))).

result(0) -> done;
result(2) -> busy;
result(3) -> unknown;
result(4) -> too_large;
result(_) -> failed.

tell(To, Message) ->
    To ! {To, Message},
    ok.
