%% What the middlewares gwport_mw_... do with a response.
%% @hidden
-module(gwport_mw_response).

-export([then/2, code/1, length_of/1, drop/1]).
-export([first/2, set/3, without/2, vary/2, elements/2, words/1]).

-type headers() :: [{binary(), binary()}].

%% gwport_gateway:then/2 for responses that are some; what is none goes on to who says so.
-spec then(gwport_gateway:result(),
    fun((gwport_gateway:response()) -> gwport_gateway:response())) -> gwport_gateway:result().
then(Result, Change) ->
    gwport_gateway:then(Result, fun(Response) ->
        case is_response(Response) of
            true -> Change(Response);
            false -> Response
        end
    end).

is_response({Status, Headers, _}) -> is_integer(code(Status)) andalso are_headers(Headers);
is_response(_) -> false.

are_headers([{Name, Value} | Rest]) -> is_binary(Name) andalso is_binary(Value)
    andalso are_headers(Rest);
are_headers(Rest) -> Rest =:= [].

-spec code(200..999 | {200..999, binary()}) -> 200..999.
code({Code, _}) -> Code;
code(Code) -> Code.

%% How long the body is, where that is known: it is whole, or its length is told.
-spec length_of(gwport_gateway:response()) -> non_neg_integer() | unknown.
length_of({_, Headers, Body}) when is_tuple(Body) ->
    try binary_to_integer(first(<<"content-length">>, Headers))
    catch error:badarg -> unknown
    end;
length_of({_, _, Body}) ->
    iolist_size(Body).

%% A body that is not passed on is closed. What its close fails with is told, and not this one's.
-spec drop(gwport_gateway:body()) -> ok.
drop({_, _, Close}) -> gwport_run_app:close(Close);
drop(_) -> ok.

%% The value of the first header of a name, which is given in lower case; empty if there is none.
-spec first(binary(), headers()) -> binary().
first(Name, Headers) ->
    case values(Name, Headers) of
        [Value | _] -> Value;
        [] -> <<>>
    end.

values(Name, Headers) ->
    [Value || {Other, Value} <- Headers, gwport_field:lower(Other) =:= Name].

%% A header in the place of those of its name.
-spec set(binary(), binary(), headers()) -> headers().
set(Name, Value, Headers) ->
    without([Name], Headers) ++ [{Name, Value}].

%% The headers but for those of these names, which are given in lower case.
-spec without([binary()], headers()) -> headers().
without(Names, Headers) ->
    [Header || Header = {Name, _} <- Headers, not lists:member(gwport_field:lower(Name), Names)].

%% Says what fields of the request the response depends on.
-spec vary([binary()], headers()) -> headers().
vary(Names, Headers) ->
    Said = elements(<<"vary">>, Headers),
    Headers ++ [{<<"vary">>, Name} || not lists:member(<<"*">>, Said), Name <- Names,
        not lists:member(gwport_field:lower(Name), Said)].

%% Those of a header that is a list of words, in lower case.
-spec elements(binary(), headers()) -> [binary()].
elements(Name, Headers) ->
    lists:append([words(gwport_field:lower(Value)) || Value <- values(Name, Headers)]).

%% Parts a list at its commas.
-spec words(binary()) -> [binary()].
words(List) ->
    [Word || Piece <- binary:split(List, <<",">>, [global]), Word <- [trim(Piece)], Word =/= <<>>].

trim(Text) -> string:trim(Text, both, " \t").
