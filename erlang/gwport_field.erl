%% What bytes the names and values of HTTP's fields may have, in a request and in a response. Each
%% request and response is looked at, so bytes are told apart by guards, and four in one step where
%% there are many.
%% @hidden
-module(gwport_field).

-export([is_token/1, is_name/1, is_value/1, name/1, lower/1, kept/2]).

%% RFC 9110, 5.6.2. The commonest bytes come first.
-define(IS_NAME_BYTE(C), (C >= $a andalso C =< $z orelse C =:= $- orelse C >= $0 andalso C =< $9
    orelse C =:= $! orelse C =:= $# orelse C =:= $$ orelse C =:= $% orelse C =:= $& orelse C =:= $'
    orelse C =:= $* orelse C =:= $+ orelse C =:= $. orelse C =:= $^ orelse C =:= $_ orelse C =:= $`
    orelse C =:= $| orelse C =:= $~)).
%% No control byte; a tab is one, and allowed in a value.
-define(IS_TEXT(C), (C >= $\s andalso C =/= 127)).

-spec is_token(term()) -> boolean().
is_token(Token) ->
    is_binary(Token) andalso Token =/= <<>> andalso are_token_bytes(Token).

are_token_bytes(<<C, Rest/bits>>) when C >= $A, C =< $Z; ?IS_NAME_BYTE(C) -> are_token_bytes(Rest);
are_token_bytes(Rest) -> Rest =:= <<>>.

%% A token in lower case, as HTTP/2 and the wire want names. What is in most requests is told by one
%% comparison.
-spec is_name(term()) -> boolean().
is_name(<<"host">>) -> true;
is_name(<<"user-agent">>) -> true;
is_name(<<"accept">>) -> true;
is_name(<<"accept-encoding">>) -> true;
is_name(<<"accept-language">>) -> true;
is_name(<<"connection">>) -> true;
is_name(<<"cookie">>) -> true;
is_name(<<"referer">>) -> true;
is_name(<<"content-type">>) -> true;
is_name(<<"content-length">>) -> true;
is_name(<<"authorization">>) -> true;
is_name(<<"cache-control">>) -> true;
is_name(<<"x-forwarded-for">>) -> true;
is_name(<<"x-forwarded-proto">>) -> true;
is_name(Name) -> is_binary(Name) andalso Name =/= <<>> andalso are_name_bytes(Name).

are_name_bytes(<<C, Rest/bits>>) when ?IS_NAME_BYTE(C) -> are_name_bytes(Rest);
are_name_bytes(Rest) -> Rest =:= <<>>.

%% A token in lower case; `error` if it is none.
-spec name(binary()) -> binary() | error.
name(Token) ->
    case is_name(Token) of
        true -> Token;
        false -> name(Token, [])
    end.

name(<<C, Rest/bits>>, Bytes) when ?IS_NAME_BYTE(C) -> name(Rest, [C | Bytes]);
name(<<C, Rest/bits>>, Bytes) when C >= $A, C =< $Z -> name(Rest, [C + 32 | Bytes]);
name(<<>>, Bytes = [_ | _]) -> list_to_binary(lists:reverse(Bytes));
name(_, _) -> error.

%% What net/http takes in a value: any byte but control bytes, of which it takes the tab.
-spec is_value(term()) -> boolean().
is_value(<<A, B, C, D, Rest/bits>>) when ?IS_TEXT(A), ?IS_TEXT(B), ?IS_TEXT(C), ?IS_TEXT(D) ->
    is_value(Rest);
is_value(<<C, Rest/bits>>) when ?IS_TEXT(C); C =:= $\t ->
    is_value(Rest);
is_value(Rest) ->
    Rest =:= <<>>.

%% Names are compared without regard to case, that of ASCII.
-spec lower(binary()) -> binary().
lower(Name) ->
    << <<(if C >= $A, C =< $Z -> C + 32; true -> C end)>> || <<C>> <= Name >>.

%% A request's fields as a mount wants those with `_`, which look like fields of another name to
%% whoever writes `-` as `_`. One that no request may have is left, for the request to be refused.
-spec kept(pass | drop, [{binary(), binary()}]) -> [{binary(), binary()}].
kept(pass, Fields) ->
    Fields;
kept(drop, Fields) ->
    [Field || Field = {Name, Value} <- Fields, binary:match(Name, <<"_">>) =:= nomatch
        orelse not (is_name(Name) andalso is_value(Value))].
